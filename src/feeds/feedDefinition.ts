import type { PostFilter } from '../posts/postFilter.ts'

export const ORDERS = ['recent', 'trending', 'following'] as const
export type Order = (typeof ORDERS)[number]

/** What one account's engagement of each kind adds to the score of a post. */
export interface EngagementWeights {
  readonly likes: number
  readonly replies: number
  readonly reposts: number
  readonly quotes: number
  readonly views: number
}

/** How a trending feed ranks (contract, section 7). All numbers are finite and not negative. */
export interface TrendingOptions {
  readonly weights: EngagementWeights
  /** The power of the age in hours that divides the weighted engagement. */
  readonly gravity: number
  /** Younger posts count as this old; above 0, so that no score is infinite. */
  readonly minAgeHours: number
  /** At-uris (DID form) of posts, and DIDs of authors, whose score is multiplied by `featuredBoost`. */
  readonly featured: readonly string[]
  readonly featuredBoost: number
  /** 0 to 1: the author's k-th best post counts `authorDecay ** (k - 1)`. */
  readonly authorDecay: number
  /** Older posts are not ranked. */
  readonly windowHours: number
  /** The length of a ranking. */
  readonly maxPosts: number
  readonly refreshSeconds: number
}

/** What the store keeps ready for a feed. */
export function filterOf({ filter, order }: Pick<FeedDefinition, 'filter' | 'order'>): PostFilter {
  return order === 'following' ? { ...filter, byAuthor: true } : filter
}

/** One feed of `feeds.yaml`, checked and canonical. */
export interface FeedDefinition {
  /** Record key of the `app.bsky.feed.generator` record. */
  readonly rkey: string
  readonly name: string
  readonly description: string
  /** Path of a PNG or JPEG, as written: relative to the feeds file. */
  readonly avatar: string | undefined
  readonly order: Order
  readonly filter: PostFilter
  /** Present exactly when the order is `trending`. */
  readonly trending: TrendingOptions | undefined
  /** At-uri (DID form) of the post that stands first on page 1. */
  readonly pinned: string | undefined
  readonly contentMode: 'video' | undefined
  readonly acceptsInteractions: boolean | undefined
}
