/** The pages of rankings: those of queries and those of feeds. A ranking is named, and never changes. */
import type { RankPlace } from './placeCursor.ts'
import type { PostTuple } from './postLists.ts'
import type { ShownPost } from './postViews.ts'

export interface RankedPost {
  /** From 1; where a post has left, there may be a hole. */
  readonly rank: number
  readonly post: PostTuple
}

/** A part of a ranking. */
export interface RankedPosts {
  /** Its name. */
  readonly ranking: string
  readonly posts: readonly RankedPost[]
}

/**
 * Posts below a place, of the ranking that the place is in, or where that is gone, of the current one;
 * undefined is the top of the current one. Fewer than asked for are the last.
 */
export type ReadRanked = (place: RankPlace | undefined, count: number) => Promise<RankedPosts>

export interface RankedPageOptions {
  readonly place: RankPlace | undefined
  readonly limit: number
  /** Those of some posts that are visible and match. */
  readonly show: (posts: readonly PostTuple[]) => Promise<readonly ShownPost[]>
  /** Nobody waits for it any more. */
  readonly isOver: () => boolean
}

export interface RankedPage {
  readonly posts: readonly ShownPost[]
  /** Where the next page begins; undefined when nothing is left. */
  readonly next: RankPlace | undefined
}

/** So many are read at least: few of them are gone. */
const LEAST = 20

/** A page is full, or the last. */
export async function readRankedPage(
  read: ReadRanked,
  { place, limit, show, isOver }: RankedPageOptions,
): Promise<RankedPage> {
  const posts: ShownPost[] = []
  const step = Math.max(LEAST, limit + 1)
  let at = place
  /** Below the last post of the page. */
  let next: RankPlace | undefined
  for (;;) {
    const part = await read(at, step)
    const shown = await show(part.posts.map(({ post }) => post))
    const byId = new Map(shown.map((post) => [post.id, post] as const))
    for (const { rank, post } of part.posts) {
      const own = byId.get(post[3])
      if (own !== undefined && posts.length === limit) {
        return { posts, next }
      }
      if (own !== undefined) {
        posts.push(own)
        next = { ranking: part.ranking, rank }
      }
    }
    const last = part.posts.at(-1)
    if (last === undefined || part.posts.length < step || isOver()) {
      return { posts, next: undefined }
    }
    at = { ranking: part.ranking, rank: last.rank }
  }
}
