import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createXrpcServer } from '@atproto/xrpc-server'
import express from 'express'
import type { Express } from 'express'
import { createLookUp } from '../../src/appview/lookUpPosts.ts'
import { openReader } from '../../src/db/openDatabase.ts'
import { createFeeds } from '../../src/feeds/createFeeds.ts'
import { parseCursor } from '../../src/feeds/cursor.ts'
import { preparePageStatements } from '../../src/feeds/pageStatements.ts'
import type { PageArgs, PageTuple } from '../../src/feeds/pageStatements.ts'
import { createRegistry } from '../../src/feeds/registry.ts'
import type { Registry } from '../../src/feeds/registry.ts'
import { createHttpApp } from '../../src/http/httpApp.ts'
import { createQueuedServer } from '../../src/http/httpServer.ts'
import * as lexicon from '../../src/lexicons/app/bsky/feed/getFeedSkeleton.ts'
import { silentLogger } from '../../src/logger.ts'
import { FeedFilters } from '../../src/posts/feedFilters.ts'
import { createMetrics } from '../../src/status/metrics.ts'
import { systemClock } from '../../src/time.ts'
import { openWebPages } from '../../src/web/webPages.ts'
import { createAnswerer } from '../../src/xrpc/createAnswerer.ts'
import { GetFeedSkeleton } from '../../src/xrpc/getFeedSkeleton.ts'
import { readSkeletonQuery } from '../../src/xrpc/skeletonQuery.ts'
/**
 * One HTTP server of the page benchmarks, by its mode:
 * `constant`: node:http with one body; `bare`: node:http, the prepared query and nothing else;
 * `framework`: the same pages through express and the framework of XRPC; `service`: the service's own.
 */
import { noViewers } from '../support/noViewers.ts'
import { benchFeeds } from './database.ts'
import { cpuSeconds, tell } from './measure.ts'

const [mode = '', path = '', feedCount = '', body = '', port = '0'] = process.argv.slice(2)
/** As long as one of the service, so that all send the same number of bytes. */
const CURSOR = 'x'.repeat(124)
const PUBLISHER = 'did:plc:publisheraaaaaaaaaaaaaaa'

const definitions = benchFeeds(Number(feedCount))
const database = await openReader(path)
// `prepareFilters` gave the ids in the order of the feeds.
const filters = new FeedFilters(definitions.map((_, index) => index + 1))
const clock = systemClock
const retentionDays = 30

async function openServer(): Promise<Server> {
  switch (mode) {
    case 'constant':
      return createServer((_request, response) => {
        response.writeHead(200, {
          'content-type': 'application/json; charset=utf-8',
          'content-length': Buffer.byteLength(body),
        })
        response.end(body)
      })
    case 'bare':
      return createServer(bareListener())
    default:
      return await openService()
  }
}

/** What cannot be left out: find the arguments, run the query, send the same bytes. */
function bareListener(): Parameters<typeof createServer>[1] {
  const { recent } = preparePageStatements(database)
  const known = new Map<string, PageArgs>()
  return (request, response) => {
    const { url = '' } = request
    let args = known.get(url)
    if (args === undefined) {
      // The arguments of a URL are worked out once.
      const search = new URL(url, 'http://localhost').searchParams
      const rkey = search.get('feed')?.split('/').at(-1) ?? ''
      const index = definitions.findIndex((definition) => definition.rkey === rkey)
      const text = search.get('cursor')
      const place =
        text === null
          ? { indexedAt: Number.MAX_SAFE_INTEGER, cid: '', uri: '' }
          : parseCursor({ rkey, order: 'recent' }, text)
      const limit = Number(search.get('limit') ?? 50)
      const oldest = clock() - 30 * 86_400_000_000
      args = { filterId: filters.at(index), ...place, oldest, limit: limit + 1 }
      known.set(url, args)
    }
    const rows = recent.tuples(args) as PageTuple[]
    const feed = rows.slice(0, 50).map(([, , post]) => ({ post }))
    const answer = JSON.stringify({ feed, cursor: CURSOR })
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(answer),
    })
    response.end(answer)
  }
}

async function openService(): Promise<Server> {
  const feeds = createFeeds({ reader: database, definitions, filters, retentionDays, clock })
  const registry = createRegistry(PUBLISHER, feeds)
  const logger = silentLogger()
  const metrics = createMetrics({ ingestStatus: () => undefined, rankingStatuses: () => [], clock })
  const identity = {
    serviceDid: 'did:web:localhost%3A1',
    publisherDid: PUBLISHER,
    endpoint: 'http://localhost:1',
    privacyPolicyUrl: undefined,
    termsOfServiceUrl: undefined,
  }
  const health = {
    version: '0',
    startedUs: clock(),
    clock,
    startPositionUs: null,
    ingestStatus: () => undefined,
    rankingStatuses: () => [],
    answers: metrics.answers,
  }
  if (mode === 'framework') {
    return createServer(kitOf(registry))
  }
  const pages = await openWebPages({
    ...{ version: '0', identity, registry, definitions, filters, reader: database, health },
    ...{ feedsFile: 'feeds.yaml', allowLocalNetwork: false, retentionDays },
    ...{ readers: metrics.readers, tools: undefined },
    lookUp: createLookUp(undefined, () => Promise.resolve(new Map())),
  })
  const framework = createHttpApp({
    ...{ identity, health, metrics, pages, logger, addressOf: () => 'unknown' },
    xrpc: undefined,
  })
  // `uncached`: every page is read from the database.
  const version = mode === 'uncached' ? () => undefined : () => database.version()
  const getFeedSkeleton = new GetFeedSkeleton({
    viewers: noViewers,
    registry,
    metrics,
    logger,
    version,
  })
  const { server, queue } = createQueuedServer()
  queue.use(createAnswerer({ getFeedSkeleton, framework, metrics, logger }))
  return server
}

/** As the official kit is built. */
function kitOf(registry: Registry): Express {
  const xrpc = createXrpcServer([])
  xrpc.add(lexicon, async ({ req }) => {
    const { feed, limit, cursor } = readSkeletonQuery(req.originalUrl.split('?')[1] ?? '')
    const page = await registry.find(feed)?.feed.page({ limit, cursor })
    const body = { feed: page?.posts.map((post) => ({ post })) ?? [], cursor: page?.cursor }
    return { encoding: 'application/json', body: body as never }
  })
  return express().use(xrpc.router)
}

const server = await openServer()
server.listen({ port: Number(port), host: '127.0.0.1', reusePort: Number(port) !== 0 }, () => {
  tell({ port: (server.address() as AddressInfo).port })
})
process.on('SIGINT', () => process.exit())
process.on('SIGUSR2', () => tell({ cpu: cpuSeconds(process.cpuUsage()) }))
