import { whenReady } from '../db/eventually.ts'
import type { Eventually } from '../db/eventually.ts'
import { RequestError } from '../errors.ts'
import type { RegisteredFeed } from '../feeds/registry.ts'
import { MAX_ANSWER_MS, giveUp } from '../queue/answersUnderWay.ts'
import type { Asked } from '../queue/clientConnection.ts'
import { sendError } from '../queue/plainErrors.ts'
import { BodyCache } from './bodyCache.ts'
import { FeedRequests } from './feedRequests.ts'
import { skeletonText } from './skeletonText.ts'
import type { XrpcContext } from './xrpcContext.ts'
import { toXrpcError } from './xrpcErrors.ts'

const PATH = '/xrpc/app.bsky.feed.getFeedSkeleton'
/** In metrics: a feed that is not served. */
const UNKNOWN = 'unknown'

const HEADERS = [
  ...['access-control-allow-origin', '*'],
  ...['content-type', 'application/json; charset=utf-8'],
]

/**
 * `app.bsky.feed.getFeedSkeleton`, without the framework, which costs several times the query. Every verb
 * is answered here but OPTIONS, which is the same for all methods.
 */
export class GetFeedSkeleton implements Disposable {
  readonly #context: Omit<XrpcContext, 'identity'>
  readonly #requests: FeedRequests
  readonly #kept: BodyCache

  constructor(context: Omit<XrpcContext, 'identity'>) {
    this.#context = context
    this.#requests = new FeedRequests(context.registry)
    this.#kept = new BodyCache(context.version)
  }

  [Symbol.dispose](): void {
    this.#kept[Symbol.dispose]()
  }

  /** Answers a request for this method; false leaves it untouched. */
  respond(asked: Asked): boolean {
    const search = searchOf(asked)
    const { method } = asked.request
    if (search === undefined || method === 'OPTIONS') {
      return false
    }
    try {
      if (method !== 'GET' && method !== 'HEAD') {
        throw new RequestError('InvalidRequest', `Incorrect HTTP method (${method}) expected GET`)
      }
      const answered = this.#answer(search, asked)
      if (answered instanceof Promise) {
        answered.catch((error: unknown) => this.#fail(asked, error))
      }
    } catch (error) {
      this.#fail(asked, error)
    }
    return true
  }

  /** The record key of the feed that is asked for; undefined when it is not this method. */
  feedOf(asked: Asked): string | undefined {
    const search = searchOf(asked)
    if (search === undefined) {
      return undefined
    }
    try {
      return this.#requests.read(search).registered.feed.definition.rkey
    } catch {
      // A request that would have been refused.
      return UNKNOWN
    }
  }

  #answer(search: string, asked: Asked): Eventually<void> {
    const now = asked.begunAt
    const version = this.#kept.versionAt(now)
    const kept = this.#kept.find(search, version, now)
    if (kept !== undefined) {
      this.#send(asked, kept.body, kept.registered)
      return undefined
    }
    const { limit, cursor, registered, isPlain } = this.#requests.read(search)
    return whenReady(registered.feed.page({ limit, cursor, reader: asked }), (page) => {
      const body = skeletonText(page)
      if (isPlain && cursor === undefined) {
        this.#kept.keep(search, { body, registered }, version, now)
      }
      this.#send(asked, body, registered)
    })
  }

  #send(asked: Asked, body: string, { feed }: RegisteredFeed): void {
    const { response, arrivedAt } = asked
    const { metrics } = this.#context
    if (asked.isOver) {
      return
    }
    const tookMs = performance.now() - arrivedAt
    const { rkey } = feed.definition
    if (tookMs >= MAX_ANSWER_MS) {
      giveUp(asked)
      metrics.answerLate(rkey)
      return
    }
    response.writeHead(200, [...HEADERS, 'content-length', String(body.length)])
    // ASCII as `skeletonText` makes it: one byte a character, without a look at each.
    response.end(body, 'latin1')
    metrics.pageServed(rkey, 200, tookMs / 1000)
  }

  #fail(asked: Asked, error: unknown): void {
    const { response, arrivedAt, isOver } = asked
    if (isOver) {
      return
    }
    const { statusCode, payload } = toXrpcError(error, this.#context.logger)
    if (response.headersSent || response.destroyed) {
      response.destroy()
      return
    }
    const { error: name = 'InternalServerError', message = '' } = payload
    sendError(response, { status: statusCode, error: name, message })
    const rkey = this.feedOf(asked) ?? UNKNOWN
    const seconds = (performance.now() - arrivedAt) / 1000
    this.#context.metrics.pageServed(rkey, statusCode, seconds)
  }
}

/** The query string of a request for this method; undefined for any other request. */
function searchOf({ request: { url = '' } }: Asked): string | undefined {
  const target = url.startsWith('/') ? url : targetOf(url)
  return target.startsWith(PATH) && (target.length === PATH.length || target[PATH.length] === '?')
    ? target.slice(PATH.length + 1)
    : undefined
}

/** Proxies may name the whole URL (RFC 9112, section 3.2.2). */
function targetOf(url: string): string {
  return /^https?:\/\/[^/?#]+(\/.*)$/iu.exec(url)?.[1] ?? ''
}
