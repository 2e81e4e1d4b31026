import type { Eventually } from '../db/eventually.ts'
import type { FeedDefinition } from './feedDefinition.ts'

export interface PageRequest {
  /** 1 to 100. */
  readonly limit: number
  /** As the reader sent it; undefined for page 1. */
  readonly cursor: string | undefined
  /** Who reads, where the page depends on it; left out: it is the page for everybody. */
  readonly viewer?: PageViewer | undefined
  /** Who waits for the page; left out where somebody always does. */
  readonly reader?: { readonly isOver: boolean } | undefined
}

/** What a page depends on that is for one viewer. */
export interface PageViewer {
  /** DIDs of whom they follow, themselves left out; for following feeds. */
  readonly follows?: ReadonlySet<string>
  /** Whether they asked for less of a post, or of its author. */
  readonly isHidden?: (uri: string) => boolean
}

/** Nobody waits for the page any more. */
export class PageAbandonedError extends Error {
  override name = 'PageAbandonedError'
}

/**
 * Between two steps of a page.
 * @throws PageAbandonedError
 */
export function throwIfAbandoned(reader: PageRequest['reader']): void {
  if (reader?.isOver === true) {
    throw new PageAbandonedError('nobody waits for this page any more')
  }
}

export interface Page {
  /** The at-uris of the posts, in their order. */
  readonly posts: readonly string[]
  /** `indexed_at` of each post; undefined for a pinned one, which has no place in the order. */
  readonly times: readonly (number | undefined)[]
  /** Whether the first post is there because it is pinned. */
  readonly hasPin: boolean
  /** Undefined when nothing is left. */
  readonly cursor: string | undefined
}

/** A feed that can be read. */
export interface Feed {
  readonly definition: FeedDefinition
  /** @throws RequestError when the cursor is not one of this feed */
  page(request: PageRequest): Eventually<Page>
}
