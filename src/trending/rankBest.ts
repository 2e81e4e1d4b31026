import type { TrendingOptions } from '../feeds/feedDefinition.ts'
import type { Us } from '../time.ts'
import { rankPosts } from './rank.ts'
import type { Candidate, RankedPost } from './rank.ts'

/** Where the posts of a window are read from that may be ranked. */
export interface CandidateSource {
  /** Some of them, whichever. */
  sample(): Promise<readonly Candidate[]>
  /**
   * At least all whose score, before any penalty, is `floor` or more. Of 0: as many of those that
   * score nothing as a ranking is long, the newest, are enough.
   */
  above(floor: number): Promise<readonly Candidate[]>
}

export interface BestOptions {
  readonly options: TrendingOptions
  readonly nowUs: Us
  /** What the last post of the ranking is thought to score; a sample tells when it is left out. */
  readonly guess?: number | undefined
}

export interface BestPosts {
  readonly posts: readonly RankedPost[]
  /** Candidates that were read for the ranking. */
  readonly weighed: number
}

/**
 * What `rankPosts` makes of all candidates, though only those are read that score a floor or more.
 *
 * It is exactly the same, because a penalty never raises a score. When as many posts as a ranking is
 * long end at or above the floor, a post that scores less than the floor stands behind all of them; and
 * their penalties are right, because whatever stands before a post among its author's scores at least
 * as much, and so has been read. Whether this is so is seen from the outcome, so that any guess does: one
 * that is too high costs a second reading, one that is too low a longer one.
 */
export async function rankBest(
  source: CandidateSource,
  { options, nowUs, guess }: BestOptions,
): Promise<BestPosts> {
  let floor =
    guess ?? lowestScore(rankPosts(await source.sample(), options, nowUs), options.maxPosts)
  for (;;) {
    const candidates = await source.above(floor)
    const posts = rankPosts(candidates, options, nowUs)
    const lowest = lowestScore(posts, options.maxPosts)
    if (floor === 0 || lowest >= floor) {
      return { posts, weighed: candidates.length }
    }
    floor = lowest
  }
}

/**
 * The last score of a full ranking, otherwise 0. With more candidates a ranking never ends lower: the
 * k-th best score of an author can only rise, and with it what is left of it after its penalty.
 */
function lowestScore(posts: readonly RankedPost[], maxPosts: number): number {
  return posts.length < maxPosts ? 0 : (posts.at(-1)?.score ?? 0)
}
