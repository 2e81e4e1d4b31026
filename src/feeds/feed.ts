import type { Eventually } from '../db/eventually.ts'
import type { FeedDefinition } from './feedDefinition.ts'

export interface PageRequest {
  /** 1 to 100. */
  readonly limit: number
  /** As the reader sent it; undefined for page 1. */
  readonly cursor: string | undefined
}

export interface SkeletonItem {
  readonly post: string
  readonly isPinned: boolean
  /** Undefined for a pinned post, which has no place in the order. */
  readonly indexedAt: number | undefined
}

export interface Page {
  readonly items: readonly SkeletonItem[]
  /** Undefined when nothing is left. */
  readonly cursor: string | undefined
}

/** A feed that can be read. */
export interface Feed {
  readonly definition: FeedDefinition
  /** @throws RequestError when the cursor is not one of this feed */
  page(request: PageRequest): Eventually<Page>
}
