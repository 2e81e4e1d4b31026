import { RequestError } from '../errors.ts'
import type { Page } from '../feeds/feed.ts'
import type { RegisteredFeed, Registry } from '../feeds/registry.ts'
import type { SkeletonQuery } from './skeletonQuery.ts'

const PIN = 'app.bsky.feed.defs#skeletonReasonPin'

/** The answer of `app.bsky.feed.getFeedSkeleton`. */
export interface Skeleton {
  readonly feed: readonly SkeletonPost[]
  /** Left out, not null, when nothing is left. */
  readonly cursor?: string
}

interface SkeletonPost {
  readonly post: string
  readonly reason?: { readonly $type: typeof PIN }
}

/** @throws RequestError UnknownFeed; InvalidRequest for a cursor that is not of this feed */
export async function getFeedSkeleton(registry: Registry, query: SkeletonQuery): Promise<Skeleton> {
  return toSkeleton(await findFeed(registry, query).feed.page(query))
}

/** @throws RequestError UnknownFeed */
export function findFeed(registry: Registry, query: SkeletonQuery): RegisteredFeed {
  const registered = registry.find(query.feed)
  if (registered === undefined) {
    throw new RequestError('UnknownFeed', 'This service does not serve a feed of that name')
  }
  return registered
}

/** A page in the form of the lexicon. */
function toSkeleton({ posts, hasPin, cursor }: Page): Skeleton {
  const feed = posts.map((post, index): SkeletonPost =>
    hasPin && index === 0 ? { post, reason: { $type: PIN } } : { post },
  )
  return cursor === undefined ? { feed } : { feed, cursor }
}

/**
 * The same as JSON text. At-uris and cursors hold nothing that JSON escapes, and only ASCII: DIDs,
 * NSIDs and record keys are checked before they are stored.
 */
export function toSkeletonText({ posts, hasPin, cursor }: Page): string {
  const end = cursor === undefined ? ']}' : `],"cursor":"${cursor}"}`
  if (posts.length === 0) {
    return `{"feed":[${end}`
  }
  const pin = `{"post":"${posts[0] ?? ''}","reason":{"$type":"${PIN}"}}`
  if (!hasPin) {
    return `{"feed":[${list(posts)}${end}`
  }
  return posts.length === 1
    ? `{"feed":[${pin}${end}`
    : `{"feed":[${pin},${list(posts.slice(1))}${end}`
}

function list(posts: readonly string[]): string {
  return `{"post":"${posts.join('"},{"post":"')}"}`
}
