import { createServer } from '@atproto/xrpc-server'
import express from 'express'
import type { ErrorRequestHandler, Express, RequestHandler, Response } from 'express'
import type { ServiceIdentity } from '../config/serviceIdentity.ts'
import { RequestError } from '../errors.ts'
import * as describeFeedGeneratorLexicon from '../lexicons/app/bsky/feed/describeFeedGenerator.ts'
import type { Logger } from '../logger.ts'
import { RETRY_AFTER_SECONDS } from '../queue/plainErrors.ts'
import { healthOf, unreadiness, warnings } from '../status/health.ts'
import type { HealthOptions } from '../status/health.ts'
import type { Metrics } from '../status/metrics.ts'
import { KeptBody } from '../web/frame/keptBody.ts'
import type { WebPages } from '../web/webPages.ts'
import type { ReadClientAddress } from '../xrpc/clientAddress.ts'
import { describeFeedGenerator } from '../xrpc/describeFeedGenerator.ts'
import { EXPLAIN_POST, explainPost } from '../xrpc/explainPost.ts'
import { GET_ACTIVITY, getActivity } from '../xrpc/getActivity.ts'
import { GET_ENGAGEMENT, getEngagement } from '../xrpc/getEngagement.ts'
import { GET_POSTS, getPosts } from '../xrpc/getPosts.ts'
import { GET_TAGS, getTags } from '../xrpc/getTags.ts'
import { SEND_INTERACTIONS, sendInteractions } from '../xrpc/sendInteractions.ts'
import { SUBSCRIBE_POSTS, upgradeRequired } from '../xrpc/subscribePosts.ts'
import type { XrpcContext } from '../xrpc/xrpcContext.ts'
import { isForLater, toXrpcError } from '../xrpc/xrpcErrors.ts'
import { didDocument } from './didDocument.ts'
import { serveLexicons } from './serveLexicons.ts'

export interface ServerOptions {
  readonly identity: ServiceIdentity
  /** What the methods answer from; undefined when this process does not serve feeds. */
  readonly xrpc: XrpcContext | undefined
  readonly health: HealthOptions
  readonly metrics: Metrics
  readonly pages: WebPages
  readonly addressOf: ReadClientAddress
  readonly logger: Logger
}

/** Everything that this service answers over HTTP. */
export function createHttpApp(options: ServerOptions): Express {
  const { identity, health, metrics } = options
  const metricsText = new KeptBody(() => metrics.text())
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use('/xrpc', allowOrigins)
  app.get('/xrpc/_health', (_request, response) => {
    sendJson(response, 200, healthOf(health))
  })
  app.get('/ready', (_request, response) => {
    const reasons = unreadiness(health)
    const isReady = reasons.length === 0
    const warned = warnings(health)
    sendJson(response, isReady ? 200 : 503, {
      ready: isReady,
      ...(!isReady && { reasons }),
      ...(warned.length > 0 && { warnings: warned }),
    })
  })
  app.get('/metrics', (_request, response, next) => {
    metricsText
      .get()
      .then((body) => sendBody(response, metrics.contentType, body))
      .catch(next)
  })
  app.get('/.well-known/did.json', (_request, response) => {
    const document = didDocument(identity)
    if (document === undefined) {
      throw new RequestError('NotFound', `${identity.serviceDid} has its document elsewhere`, 404)
    }
    response.setHeader('access-control-allow-origin', '*')
    sendJson(response, 200, document)
  })
  // A pattern would have the path decoded, which may not be decodable.
  app.use(servePages(options))
  app.get('/lexicons/:file', serveLexicons())
  if (options.xrpc !== undefined) {
    addMethods(app, options.xrpc)
  }
  app.use((request) => {
    throw new RequestError('NotFound', `There is nothing at ${request.path.slice(0, 100)}`, 404)
  })
  app.use(errorHandler(options.logger))
  return app
}

/** Pages for people; what is none of them is left to others. */
function servePages({ pages, addressOf }: ServerOptions): RequestHandler {
  return (request, response, next) => {
    const { path, url, method } = request
    const queryAt = url.indexOf('?')
    const search = new URLSearchParams(queryAt === -1 ? '' : url.slice(queryAt + 1))
    const isRead = method === 'GET' || method === 'HEAD'
    const answer = isRead
      ? pages.find({ path, search, address: () => addressOf(request) })
      : undefined
    if (answer === undefined) {
      next()
      return
    }
    answer
      .then(({ status, type, body, headers }) => sendBody(response, type, body, status, headers))
      .catch(next)
  }
}

/** The XRPC methods but getFeedSkeleton, which comes before. What the library does not know it answers with 501. */
function addMethods(app: Express, context: XrpcContext): void {
  const { identity, registry, logger } = context
  app.all(`/xrpc/${SEND_INTERACTIONS}`, sendInteractions(context))
  app.all(`/xrpc/${GET_POSTS}`, getPosts(context))
  app.all(`/xrpc/${GET_ENGAGEMENT}`, getEngagement(context))
  app.all(`/xrpc/${EXPLAIN_POST}`, explainPost(context))
  app.all(`/xrpc/${GET_ACTIVITY}`, getActivity(context))
  app.all(`/xrpc/${GET_TAGS}`, getTags(context))
  app.all(`/xrpc/${SUBSCRIBE_POSTS}`, (_request, response) => {
    response.setHeader('upgrade', 'websocket')
    throw upgradeRequired()
  })
  const xrpc = createServer([], { errorParser: (error) => toXrpcError(error, logger) })
  xrpc.router.disable('x-powered-by')
  xrpc.router.disable('etag')
  xrpc.add(describeFeedGeneratorLexicon, () =>
    jsonOutput(describeFeedGenerator(identity, registry)),
  )
  app.use(xrpc.router)
}

/** The library checks each answer against its lexicon, whose strings have types of their own. */
function jsonOutput(body: object): { encoding: 'application/json'; body: never } {
  return { encoding: 'application/json', body: body as never }
}

/** Beside the few that a browser shows to a page by itself. */
const EXPOSED =
  'ratelimit-limit, ratelimit-remaining, ratelimit-reset, ratelimit-policy, retry-after, www-authenticate'

const allowOrigins: RequestHandler = (request, response, next) => {
  response.setHeader('access-control-allow-origin', '*')
  response.setHeader('access-control-expose-headers', EXPOSED)
  if (request.method === 'OPTIONS') {
    response.setHeader('access-control-allow-methods', 'GET, HEAD, POST, OPTIONS')
    response.setHeader('access-control-allow-headers', '*, authorization, atproto-accept-labelers')
    response.setHeader('access-control-max-age', '86400')
    response.status(204).end()
    return
  }
  next()
}

/** The one place where an error outside the XRPC methods becomes an answer: always JSON. */
function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      // One that was given up has its answer.
      if (!response.writableEnded) {
        next(error)
      }
      return
    }
    const { statusCode, payload } = toXrpcError(error, logger)
    if (statusCode === 401) {
      response.setHeader('www-authenticate', 'Bearer')
    }
    if (isForLater(statusCode) && !response.hasHeader('retry-after')) {
      response.setHeader('retry-after', String(RETRY_AFTER_SECONDS))
    }
    sendJson(response, statusCode, payload)
  }
}

/** A body that all who ask share: of bytes, so that it is not made into bytes for each of them. */
function sendBody(
  response: Response,
  type: string,
  body: Buffer,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (!response.writableEnded) {
    response.writeHead(status, {
      ...headers,
      'content-type': type,
      'content-length': body.length,
    })
    response.end(body)
  }
}

function sendJson(response: Response, status: number, body: object): void {
  response.status(status).json(body)
}
