import type { TrendingOptions } from '../feeds/feedDefinition.ts'
import type { RankedPost } from './rank.ts'
import { authorPenalty, scorePost } from './score.ts'
import type { EngagementCounts } from './score.ts'

/** What the score of a ranked post was made of, beside its age. */
export interface Reason {
  readonly counts: EngagementCounts
  readonly isFeatured: boolean
  readonly authorRank: number
}

/** The column `why` of `ranking_post`. */
export function packReason({ counts, isFeatured, authorRank }: RankedPost): string {
  const { likes, replies, reposts, quotes, views } = counts
  return JSON.stringify([likes, replies, reposts, quotes, views, +isFeatured, authorRank])
}

/** What a post scores for its reason at an age, after the penalty. */
export function scoreReason(
  reason: Reason,
  { ageHours, options }: { ageHours: number; options: TrendingOptions },
): number {
  const penalty = authorPenalty(reason.authorRank, options.authorDecay)
  return scorePost({ ...reason, ageHours }, options) * penalty
}

export function unpackReason(why: string): Reason {
  const [likes = 0, replies = 0, reposts = 0, quotes = 0, views = 0, featured = 0, authorRank = 1] =
    JSON.parse(why) as number[]
  return {
    counts: { likes, replies, reposts, quotes, views },
    isFeatured: featured === 1,
    authorRank,
  }
}
