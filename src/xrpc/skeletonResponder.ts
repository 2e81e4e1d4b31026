import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { whenReady } from '../db/eventually.ts'
import type { Eventually } from '../db/eventually.ts'
import type { RegisteredFeed, Registry } from '../feeds/registry.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import { findFeed, toSkeletonText } from './getFeedSkeleton.ts'
import { RETRY_AFTER_SECONDS, tooBusy } from './overload.ts'
import type { Overload } from './overload.ts'
import { readSkeletonQuery } from './skeletonQuery.ts'
import { isForLater, toXrpcError } from './xrpcErrors.ts'

export interface SkeletonResponderOptions {
  readonly registry: Registry
  readonly metrics: Metrics
  readonly overload: Overload
  readonly logger: Logger
  /** As `Database.version`: undefined means that no page may be kept. */
  readonly version: () => number | undefined
}

const PATH = '/xrpc/app.bsky.feed.getFeedSkeleton'
/** A query that needs no care: what real callers send, in the order in which they send it. */
const PLAIN = /^feed=([\w.%:~-]+)(?:&limit=(\d{1,3}))?(?:&cursor=([\w.%:/~!-]+))?$/
const MAX_KEPT = 2_000
/** Requests of one connection that wait for the answer to one before. */
const MAX_WAITING = 100

const HEADERS = [
  ...['access-control-allow-origin', '*'],
  ...['content-type', 'application/json; charset=utf-8'],
]

interface WaitingRequest {
  readonly search: string
  readonly response: ServerResponse
  readonly startedAt: number
}

interface FeedRequest {
  readonly registered: RegisteredFeed
  readonly limit: number
  readonly cursor: string | undefined
  readonly isPlain: boolean
}

interface KeptPage {
  readonly version: number
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
  /** What waits on each connection on which an answer of the database is under way. */
  readonly #waiting = new Map<Socket, WaitingRequest[]>()
  #version: number | undefined
  #isVersionFresh = false
  readonly #expiry: NodeJS.Timeout

  constructor(options: SkeletonResponderOptions) {
    this.#options = options
    this.#expiry = setInterval(() => this.#kept.clear(), 1_000).unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#expiry)
  }

  /** Answers the request if it is a GET of getFeedSkeleton; false leaves it untouched. */
  respond(request: IncomingMessage, response: ServerResponse): boolean {
    const { method, url = '' } = request
    if (method !== 'GET' || !url.startsWith(PATH)) {
      return false
    }
    const search = url.slice(PATH.length + 1)
    if (url.length > PATH.length && url[PATH.length] !== '?') {
      return false
    }
    const asked = { search, response, startedAt: performance.now() }
    const line = this.#waiting.get(request.socket)
    if (line === undefined) {
      this.#begin(asked, request.socket)
    } else if (line.length < MAX_WAITING) {
      line.push(asked)
    } else {
      this.#fail(response, tooBusy(), asked.startedAt)
    }
    return true
  }

  /**
   * A connection asks the database one thing at a time, and the next when its client has taken the
   * answer: one client does not use up what others need.
   */
  #begin({ search, response, startedAt }: WaitingRequest, socket: Socket): void {
    try {
      this.#options.overload.check()
      const answered = this.#answer(search, response, startedAt)
      if (answered instanceof Promise) {
        if (!this.#waiting.has(socket)) {
          this.#waiting.set(socket, [])
        }
        response.once('close', () => this.#goOn(socket))
        answered.catch((error: unknown) => this.#fail(response, error, startedAt))
      }
    } catch (error) {
      this.#fail(response, error, startedAt)
    }
  }

  #goOn(socket: Socket): void {
    const line = this.#waiting.get(socket) ?? []
    this.#waiting.delete(socket)
    while (line.length > 0 && !socket.destroyed) {
      const [next] = line.splice(0, 1)
      if (next !== undefined) {
        this.#begin(next, socket)
      }
      if (this.#waiting.has(socket)) {
        this.#waiting.set(socket, line)
        return
      }
    }
  }

  #answer(search: string, response: ServerResponse, startedAt: number): Eventually<void> {
    const version = this.#versionNow()
    const kept = this.#kept.get(search)
    if (kept !== undefined && kept.version === version) {
      this.#send(response, kept.body, kept.registered, startedAt)
      return undefined
    }
    const request = this.#readPlain(search) ?? this.#read(search)
    const { registered } = request
    return whenReady(registered.feed.page(request), (page) => {
      const body = toSkeletonText(page)
      if (version !== undefined && request.isPlain && request.cursor === undefined) {
        this.#keep(search, { body, registered, version })
      }
      this.#send(response, body, registered, startedAt)
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
   * Asked once a turn of the event loop: every request of a turn had arrived before the turn began,
   * so what is committed later need not be in its answer.
   */
  #versionNow(): number | undefined {
    if (!this.#isVersionFresh) {
      this.#isVersionFresh = true
      this.#version = this.#options.version()
      setImmediate(() => {
        this.#isVersionFresh = false
      })
    }
    return this.#version
  }

  #keep(search: string, page: KeptPage): void {
    if (this.#kept.size >= MAX_KEPT) {
      this.#kept.clear()
    }
    this.#kept.set(search, page)
  }

  #send(response: ServerResponse, body: string, { feed }: RegisteredFeed, startedAt: number): void {
    response.writeHead(200, [...HEADERS, 'content-length', String(body.length)])
    // ASCII as `toSkeletonText` makes it: one byte a character, without a look at each.
    response.end(body, 'latin1')
    this.#options.metrics.pageServed(feed.definition.rkey, 200, seconds(startedAt))
  }

  #fail(response: ServerResponse, error: unknown, startedAt: number): void {
    const { statusCode, payload } = toXrpcError(error, this.#options.logger)
    if (response.headersSent || response.destroyed) {
      response.destroy()
      return
    }
    const body = JSON.stringify(payload)
    response.writeHead(statusCode, {
      'access-control-allow-origin': '*',
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      ...(isForLater(statusCode) && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
    })
    response.end(body)
    this.#options.metrics.pageServed('unknown', statusCode, seconds(startedAt))
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

function seconds(startedAt: number): number {
  return (performance.now() - startedAt) / 1000
}
