import type { Feed, Page, PageViewer } from './feed.ts'

const PAGE = 100

export interface WalkedPost {
  /** At-uri. */
  readonly post: string
  /** Undefined for a pinned post. */
  readonly indexedAt: number | undefined
}

export interface WalkOptions {
  readonly signal: AbortSignal
  /** Whose page it is, where it depends on the viewer. */
  readonly viewer?: PageViewer | undefined
}

/** The posts of a feed as a reader who scrolls down would get them, up to `limit`. */
export async function* walkFeed(
  feed: Feed,
  limit: number,
  { signal, viewer }: WalkOptions,
): AsyncGenerator<WalkedPost> {
  let left = limit
  let cursor: string | undefined
  do {
    // A first page of one post leaves the pinned one out.
    const page: Page = await feed.page({
      limit: Math.max(2, Math.min(left, PAGE)),
      cursor,
      viewer,
    })
    for (const [index, post] of page.posts.slice(0, left).entries()) {
      yield { post, indexedAt: page.times[index] }
    }
    left -= page.posts.length
    cursor = page.cursor
  } while (cursor !== undefined && left > 0 && !signal.aborted)
}
