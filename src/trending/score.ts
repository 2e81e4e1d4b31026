import type { EngagementWeights, TrendingOptions } from '../feeds/feedDefinition.ts'
import { US_PER_HOUR } from '../time.ts'
import type { Us } from '../time.ts'

/** Distinct accounts that engaged with a post, its author left out. */
export type EngagementCounts = Readonly<Record<keyof EngagementWeights, number>>

export type ScoreOptions = Pick<
  TrendingOptions,
  'weights' | 'gravity' | 'minAgeHours' | 'featuredBoost'
>

export interface ScoredPost {
  readonly counts: EngagementCounts
  readonly ageHours: number
  readonly isFeatured: boolean
}

/**
 * What a post is worth before its author's other posts are looked at (contract, section 7): the
 * weighted engagement, divided by a power of the age, boosted when it is featured. Never negative;
 * more engagement never lowers it, age never raises it.
 */
export function scorePost(
  { counts, ageHours, isFeatured }: ScoredPost,
  options: ScoreOptions,
): number {
  const { weights, gravity, minAgeHours, featuredBoost } = options
  const engagement =
    counts.likes * weights.likes +
    counts.replies * weights.replies +
    counts.reposts * weights.reposts +
    counts.quotes * weights.quotes +
    counts.views * weights.views
  const boost = isFeatured ? featuredBoost : 1
  return (engagement / Math.max(ageHours, minAgeHours) ** gravity) * boost
}

/** The age that a score counts with; a post that is dated later than now is new. */
export function ageInHours(indexedAt: Us, nowUs: Us): number {
  return Math.max(0, (nowUs - indexedAt) / US_PER_HOUR)
}

/** What the k-th best post of an author counts, k from 1. */
export function authorPenalty(authorRank: number, authorDecay: number): number {
  return authorDecay ** (authorRank - 1)
}
