import type { TrendingOptions } from '../feeds/feedDefinition.ts'
import type { Us } from '../time.ts'
import { ageInHours, authorPenalty, scorePost } from './score.ts'
import type { EngagementCounts } from './score.ts'

/** A post of the window that may be ranked. */
export interface Candidate {
  readonly postId: number
  readonly uri: string
  readonly cid: string
  readonly indexedAt: Us
  readonly counts: EngagementCounts
}

export interface RankedPost extends Candidate {
  /** After the penalty for the author's better posts. */
  readonly score: number
  readonly ageHours: number
  readonly isFeatured: boolean
  /** 1 for the author's best post among the candidates. */
  readonly authorRank: number
}

/**
 * The ranking of some candidates at a moment, best first, at most `maxPosts`: score, the author's own
 * order by that score, penalty, sort, cut (contract, section 7). Equal scores stand newest first. This
 * is the definition: `rankBest` comes to the same without looking at every candidate.
 */
export function rankPosts(
  candidates: readonly Candidate[],
  options: TrendingOptions,
  nowUs: Us,
): RankedPost[] {
  const featured = new Set(options.featured)
  const scored = candidates.map((candidate) => {
    const ageHours = ageInHours(candidate.indexedAt, nowUs)
    const isFeatured =
      featured.size > 0 && (featured.has(candidate.uri) || featured.has(authorOf(candidate.uri)))
    const score = scorePost({ counts: candidate.counts, ageHours, isFeatured }, options)
    return { candidate, score, ageHours, isFeatured, authorRank: 1 }
  })
  const seen = new Map<string, number>()
  for (const post of scored.sort(bestFirst)) {
    const author = authorOf(post.candidate.uri)
    post.authorRank = (seen.get(author) ?? 0) + 1
    seen.set(author, post.authorRank)
    post.score *= authorPenalty(post.authorRank, options.authorDecay)
  }
  return scored
    .sort(bestFirst)
    .slice(0, options.maxPosts)
    .map(({ candidate, ...rest }) => ({ ...candidate, ...rest }))
}

interface Scored {
  readonly candidate: Candidate
  readonly score: number
}

function bestFirst(a: Scored, b: Scored): number {
  return b.score - a.score || newestFirst(a.candidate, b.candidate)
}

/** As in a recent feed: text compares by bytes, and these texts are ASCII. */
function newestFirst(a: Candidate, b: Candidate): number {
  return b.indexedAt - a.indexedAt || descending(a.cid, b.cid) || descending(a.uri, b.uri)
}

function descending(a: string, b: string): number {
  return a < b ? 1 : Number(a > b) * -1
}

/** The DID of an at-uri. */
export function authorOf(uri: string): string {
  return uri.slice('at://'.length, uri.indexOf('/', 'at://'.length))
}
