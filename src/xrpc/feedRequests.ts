import { RequestError } from '../errors.ts'
import type { RegisteredFeed, Registry } from '../feeds/registry.ts'
import { readSkeletonQuery } from './skeletonQuery.ts'

export interface FeedRequest {
  readonly registered: RegisteredFeed
  readonly limit: number
  readonly cursor: string | undefined
  /** Written as real callers write it: few texts stand for the same page. */
  readonly isPlain: boolean
}

/** A query that needs no care: what real callers send, in the order in which they send it. */
const PLAIN = /^feed=([\w.%:~-]+)(?:&limit=(\d{1,3}))?(?:&cursor=([\w.%:/~!-]+))?$/
const MAX_SPELLINGS = 2_000

/** Reads which page of which feed is asked for. */
export class FeedRequests {
  readonly #registry: Registry
  /** Feeds by the text with which a plain query has named them. */
  readonly #spellings = new Map<string, RegisteredFeed>()

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** @throws RequestError UnknownFeed, InvalidRequest */
  read(search: string): FeedRequest {
    return this.#readPlain(search) ?? this.#readWithCare(search)
  }

  /** A plain query whose feed has been asked for in this spelling before. */
  #readPlain(search: string): FeedRequest | undefined {
    const [, feed = '', limitText = '50', cursorText] = PLAIN.exec(search) ?? []
    const registered = this.#spellings.get(feed)
    const limit = Number(limitText)
    if (registered === undefined || limit < 1 || limit > 100) {
      return undefined
    }
    const cursor = cursorText?.includes('%') === true ? unescape(cursorText) : cursorText
    const isReadable = cursor !== undefined || cursorText === undefined
    return isReadable ? { limit, cursor, registered, isPlain: true } : undefined
  }

  #readWithCare(search: string): FeedRequest {
    const query = readSkeletonQuery(search)
    const registered = this.#registry.find(query.feed)
    if (registered === undefined) {
      throw new RequestError('UnknownFeed', 'This service does not serve a feed of that name')
    }
    const [, feed] = PLAIN.exec(search) ?? []
    if (feed !== undefined && this.#spellings.size < MAX_SPELLINGS) {
      this.#spellings.set(feed, registered)
    }
    return { ...query, registered, isPlain: feed !== undefined }
  }
}

/** Undefined for what is not well escaped. */
function unescape(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
