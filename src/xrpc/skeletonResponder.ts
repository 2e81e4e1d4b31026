import { whenReady } from '../db/eventually.ts'
import type { Eventually } from '../db/eventually.ts'
import type { RegisteredFeed, Registry } from '../feeds/registry.ts'
import type { Logger } from '../logger.ts'
import { MAX_ANSWER_MS, giveUp } from '../queue/answersUnderWay.ts'
import type { Asked } from '../queue/clientConnection.ts'
import { sendError } from '../queue/plainErrors.ts'
import type { Metrics } from '../status/metrics.ts'
import { findFeed, toSkeletonText } from './getFeedSkeleton.ts'
import { readSkeletonQuery } from './skeletonQuery.ts'
import { toXrpcError } from './xrpcErrors.ts'

export interface SkeletonResponderOptions {
  readonly registry: Registry
  readonly metrics: Metrics
  readonly logger: Logger
  /** As `Database.version`: undefined means that no page may be kept. */
  readonly version: () => number | undefined
}

const PATH = '/xrpc/app.bsky.feed.getFeedSkeleton'
/** A query that needs no care: what real callers send, in the order in which they send it. */
const PLAIN = /^feed=([\w.%:~-]+)(?:&limit=(\d{1,3}))?(?:&cursor=([\w.%:/~!-]+))?$/
const MAX_KEPT = 2_000
/** The retention goes by the clock, and with it what a page may show. */
const KEPT_MS = 1_000
/**
 * So long what is known of the database's version is taken as true, within one turn of the event loop.
 * A turn alone is no bound: while more than 1,024 connections are busy, the loop polls again and again
 * before it comes to `setImmediate`.
 */
const VERSION_MS = 1

/** In metrics: a feed that is not served. */
const UNKNOWN = 'unknown'

const HEADERS = [
  ...['access-control-allow-origin', '*'],
  ...['content-type', 'application/json; charset=utf-8'],
]

interface FeedRequest {
  readonly registered: RegisteredFeed
  readonly limit: number
  readonly cursor: string | undefined
  readonly isPlain: boolean
}

interface KeptPage {
  readonly version: number
  /** By `performance.now`. */
  readonly endsAt: number
  readonly body: string
  readonly registered: RegisteredFeed
}

/**
 * Answers getFeedSkeleton ahead of the framework, which costs several times the query. It gives the
 * answers and errors that the framework would give; `skeletonResponder.test.ts` compares them.
 *
 * The bodies of first pages are kept until anything is committed to the database, so that what was
 * deleted is gone at once, and for at most a second, since the retention goes by the clock.
 */
export class SkeletonResponder {
  readonly #options: SkeletonResponderOptions
  #kept = new Map<string, KeptPage>()
  /** Feeds by the text with which a query has named them. */
  readonly #spellings = new Map<string, RegisteredFeed>()
  #version: number | undefined
  /** Until when the version need not be asked for again. */
  #versionEndsAt = 0
  readonly #expiry: NodeJS.Timeout

  constructor(options: SkeletonResponderOptions) {
    this.#options = options
    this.#expiry = setInterval(() => this.#kept.clear(), KEPT_MS).unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#expiry)
  }

  /** Answers the request if it is a GET of getFeedSkeleton; false leaves it untouched. */
  respond(asked: Asked): boolean {
    const search = searchOf(asked)
    if (search === undefined) {
      return false
    }
    try {
      const answered = this.#answer(search, asked)
      if (answered instanceof Promise) {
        answered.catch((error: unknown) => this.#fail(asked, error))
      }
    } catch (error) {
      this.#fail(asked, error)
    }
    return true
  }

  /** The record key of the feed that is asked for; undefined when it is not getFeedSkeleton. */
  feedOf(asked: Asked): string | undefined {
    const search = searchOf(asked)
    if (search === undefined) {
      return undefined
    }
    try {
      const { registered } = this.#readPlain(search) ?? this.#read(search)
      return registered.feed.definition.rkey
    } catch {
      // A request that would have been refused.
      return UNKNOWN
    }
  }

  #answer(search: string, asked: Asked): Eventually<void> {
    const now = asked.begunAt
    const version = this.#versionAt(now)
    const kept = this.#kept.get(search)
    if (kept !== undefined && kept.version === version && now < kept.endsAt) {
      this.#send(asked, kept.body, kept.registered)
      return undefined
    }
    const request = this.#readPlain(search) ?? this.#read(search)
    const { limit, cursor, registered, isPlain } = request
    return whenReady(registered.feed.page({ limit, cursor, reader: asked }), (page) => {
      const body = toSkeletonText(page)
      if (version !== undefined && isPlain && cursor === undefined) {
        this.#keep(search, { body, registered, version, endsAt: now + KEPT_MS })
      }
      this.#send(asked, body, registered)
    })
  }

  #read(search: string): FeedRequest {
    const query = readSkeletonQuery(search)
    const registered = findFeed(this.#options.registry, query)
    const [, feed] = PLAIN.exec(search) ?? []
    if (feed !== undefined && this.#spellings.size < MAX_KEPT) {
      this.#spellings.set(feed, registered)
    }
    return { ...query, registered, isPlain: feed !== undefined }
  }

  /** The same for a plain query whose feed has been asked for in this spelling before. */
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

  /**
   * Asked at most once a turn of the event loop: every request of a turn had arrived before it, or a
   * moment later.
   */
  #versionAt(now: number): number | undefined {
    if (now >= this.#versionEndsAt) {
      this.#version = this.#options.version()
      if (this.#versionEndsAt === 0) {
        setImmediate(() => {
          this.#versionEndsAt = 0
        })
      }
      this.#versionEndsAt = now + VERSION_MS
    }
    return this.#version
  }

  #keep(search: string, page: KeptPage): void {
    if (this.#kept.size >= MAX_KEPT) {
      this.#kept.clear()
    }
    this.#kept.set(search, page)
  }

  #send(asked: Asked, body: string, { feed }: RegisteredFeed): void {
    const { response, arrivedAt } = asked
    if (asked.isOver) {
      return
    }
    const tookMs = performance.now() - arrivedAt
    const { rkey } = feed.definition
    if (tookMs >= MAX_ANSWER_MS) {
      giveUp(asked)
      this.#options.metrics.answerLate(rkey)
      return
    }
    response.writeHead(200, [...HEADERS, 'content-length', String(body.length)])
    // ASCII as `toSkeletonText` makes it: one byte a character, without a look at each.
    response.end(body, 'latin1')
    this.#options.metrics.pageServed(rkey, 200, tookMs / 1000)
  }

  #fail(asked: Asked, error: unknown): void {
    const { response, arrivedAt, isOver } = asked
    if (isOver) {
      return
    }
    const { statusCode, payload } = toXrpcError(error, this.#options.logger)
    if (response.headersSent || response.destroyed) {
      response.destroy()
      return
    }
    const { error: name = 'InternalServerError', message = '' } = payload
    sendError(response, { status: statusCode, error: name, message })
    const rkey = this.feedOf(asked) ?? UNKNOWN
    this.#options.metrics.pageServed(rkey, statusCode, (performance.now() - arrivedAt) / 1000)
  }
}

/** The query string of a GET of getFeedSkeleton. */
function searchOf({ request: { method, url = '' } }: Asked): string | undefined {
  const isForIt = method === 'GET' && url.startsWith(PATH)
  return isForIt && (url.length === PATH.length || url[PATH.length] === '?')
    ? url.slice(PATH.length + 1)
    : undefined
}

/** Undefined for what is not well escaped. */
function unescape(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
