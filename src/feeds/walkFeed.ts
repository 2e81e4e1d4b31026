import type { Feed, Page, SkeletonItem } from './feed.ts'

const PAGE = 100

/** The posts of a feed as a reader who scrolls down would get them, up to `limit`. */
export async function* walkFeed(
  feed: Feed,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<SkeletonItem> {
  let left = limit
  let cursor: string | undefined
  do {
    const page: Page = await feed.page({ limit: Math.min(left, PAGE), cursor })
    yield* page.items
    left -= page.items.length
    cursor = page.cursor
  } while (cursor !== undefined && left > 0 && !signal.aborted)
}
