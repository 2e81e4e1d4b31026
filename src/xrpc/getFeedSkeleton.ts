import { RequestError } from '../errors.ts'
import type { Page } from '../feeds/feed.ts'
import type { RegisteredFeed, Registry } from '../feeds/registry.ts'
import type { SkeletonQuery } from './skeletonQuery.ts'

/** The answer of `app.bsky.feed.getFeedSkeleton`. */
export interface Skeleton {
  readonly feed: readonly SkeletonPost[]
  /** Left out, not null, when nothing is left. */
  readonly cursor?: string
}

interface SkeletonPost {
  readonly post: string
  readonly reason?: { readonly $type: 'app.bsky.feed.defs#skeletonReasonPin' }
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
export function toSkeleton({ items, cursor }: Page): Skeleton {
  const feed = items.map(({ post, isPinned }): SkeletonPost =>
    isPinned ? { post, reason: { $type: 'app.bsky.feed.defs#skeletonReasonPin' } } : { post },
  )
  return cursor === undefined ? { feed } : { feed, cursor }
}
