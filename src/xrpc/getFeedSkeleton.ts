import { whenReady } from '../db/eventually.ts'
import type { Eventually } from '../db/eventually.ts'
import { RequestError } from '../errors.ts'
import { throwIfAbandoned } from '../feeds/feed.ts'
import type { Page, PageViewer } from '../feeds/feed.ts'
import type { RegisteredFeed } from '../feeds/registry.ts'
import { MAX_ANSWER_MS, giveUp } from '../queue/answersUnderWay.ts'
import type { Asked } from '../queue/clientConnection.ts'
import { sendError } from '../queue/plainErrors.ts'
import { claimedIssuer, unauthorized } from '../viewers/serviceToken.ts'
import { BodyCache } from './bodyCache.ts'
import { FeedRequests } from './feedRequests.ts'
import type { FeedRequest } from './feedRequests.ts'
import { RequestIds } from './requestIds.ts'
import { skeletonText } from './skeletonText.ts'
import type { XrpcContext } from './xrpcContext.ts'
import { toXrpcError } from './xrpcErrors.ts'

const NSID = 'app.bsky.feed.getFeedSkeleton'
const PATH = `/xrpc/${NSID}`
/** In metrics: a feed that is not served. */
const UNKNOWN = 'unknown'

const HEADERS = [
  ...['access-control-allow-origin', '*'],
  ...['content-type', 'application/json; charset=utf-8'],
]

type SkeletonContext = Pick<XrpcContext, 'registry' | 'metrics' | 'logger' | 'viewers' | 'version'>

/**
 * `app.bsky.feed.getFeedSkeleton`, without the framework, which costs several times the query. Every verb
 * is answered here but OPTIONS, which is the same for all methods.
 */
export class GetFeedSkeleton implements Disposable {
  readonly #context: SkeletonContext
  readonly #requests: FeedRequests
  readonly #requestIds: RequestIds
  readonly #kept: BodyCache

  constructor(context: SkeletonContext) {
    this.#context = context
    this.#requests = new FeedRequests(context.registry)
    this.#requestIds = new RequestIds(context.registry)
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
    const { authorization } = asked.request.headers
    if (authorization !== undefined && this.#mayHaveLess(authorization)) {
      return this.#answerViewer(this.#requests.read(search), asked)
    }
    const version = this.#kept.versionAt(now)
    const kept = this.#kept.find(search, version, now)
    if (kept !== undefined) {
      this.#send(asked, kept.body, kept.registered)
      return undefined
    }
    const request = this.#requests.read(search)
    const { limit, cursor, registered, isPlain } = request
    if (registered.feed.definition.order === 'following') {
      return this.#answerViewer(request, asked)
    }
    return whenReady(registered.feed.page({ limit, cursor, reader: asked }), (page) => {
      const body = this.#textOf(page, registered)
      if (isPlain && cursor === undefined) {
        this.#kept.keep(search, { body, registered }, version, now)
      }
      this.#send(asked, body, registered)
    })
  }

  /** Whether the page is another one for who claims to ask, as far as that is known without a look. */
  #mayHaveLess(authorization: string): boolean {
    const { less } = this.#context.viewers
    if (less.isEmpty) {
      return false
    }
    const claimed = claimedIssuer(authorization)
    return claimed !== undefined && less.mayHave(claimed)
  }

  /** A page that is for one viewer: nobody else's, and not kept. */
  async #answerViewer({ registered, limit, cursor }: FeedRequest, asked: Asked): Promise<void> {
    const viewer = await this.#readViewer(registered, asked.request.headers.authorization)
    throwIfAbandoned(asked)
    const page = await registered.feed.page({ limit, cursor, reader: asked, viewer })
    this.#send(asked, this.#textOf(page, registered), registered)
  }

  /** @throws RequestError 401 and 503, where the feed depends on the viewer */
  async #readViewer(
    { feed }: RegisteredFeed,
    authorization: string | undefined,
  ): Promise<PageViewer | undefined> {
    const { verify, follows, less } = this.#context.viewers
    if (feed.definition.order !== 'following') {
      // To a feed that is the same for everybody a wrong token does not matter.
      const did = await verify(authorization, NSID).catch(() => undefined)
      const isHidden = did === undefined ? undefined : await less.find(did)
      return isHidden && { isHidden }
    }
    const did = await verify(authorization, NSID)
    if (did === undefined) {
      throw unauthorized('AuthMissing', 'This feed is made for each reader: log in to see it')
    }
    const [followed, isHidden] = await Promise.all([follows.find(did), less.find(did)])
    return { follows: followed, ...(isHidden && { isHidden }) }
  }

  #textOf(page: Page, { uri, feed }: RegisteredFeed): string {
    const hasId = feed.definition.acceptsInteractions === true
    return skeletonText(page, hasId ? this.#requestIds.make(uri) : undefined)
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
