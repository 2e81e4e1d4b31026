import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareActivityReading } from '../../src/activity/activityStatements.ts'
import { createClients } from '../../src/clients/clients.ts'
import { DEFAULT_TRENDING } from '../../src/feedfile/readTrending.ts'
import type { PageRequest } from '../../src/feeds/feed.ts'
import { createRegistry } from '../../src/feeds/registry.ts'
import { createHttpApp } from '../../src/http/httpApp.ts'
import { closeServer, createQueuedServer } from '../../src/http/httpServer.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { silentLogger } from '../../src/logger.ts'
import { createFindPosts } from '../../src/posts/findPosts.ts'
import type { Asked } from '../../src/queue/clientConnection.ts'
import { createMetrics } from '../../src/status/metrics.ts'
import { TagCounts } from '../../src/tags/tagCounts.ts'
import { prepareTagStatements } from '../../src/tags/tagStatements.ts'
import { createAdmitCaller } from '../../src/xrpc/admitCaller.ts'
import { createAnswerer } from '../../src/xrpc/createAnswerer.ts'
import { GetFeedSkeleton } from '../../src/xrpc/getFeedSkeleton.ts'
import { engines } from '../support/databases.ts'
import { feedOf } from '../support/definitions.ts'
import { openFeedBench } from '../support/feedBench.ts'
import type { FeedBench } from '../support/feedBench.ts'
import { noViewers } from '../support/noViewers.ts'
import { engine } from '../support/serviceDatabase.ts'

const NOW = Date.now() * 1000
const PUBLISHER = 'did:plc:publisheraaaaaaaaaaaaaaa'
const METHOD = '/xrpc/app.bsky.feed.getFeedSkeleton'
const feedUri = (rkey: string): string => `at://${PUBLISHER}/app.bsky.feed.generator/${rkey}`
const facts = { tags: ['art'], media: 0, languages: [], labels: [] }
const put = (index: number): Operation => ({
  kind: 'putPost',
  did: 'did:plc:a',
  rkey: `r${index}`,
  rev: '3a',
  cid: 'bafyreiaaaa',
  indexedAt: NOW - index - 1,
  timeUs: NOW,
  facts,
})

interface Skeleton {
  readonly feed: readonly { readonly post: string }[]
  readonly cursor?: string
}

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly origin: string | null
  readonly poweredBy: string | null
  readonly body: unknown
}

describe('the queries of getFeedSkeleton', () => {
  const stack = new AsyncDisposableStack()
  let bench: FeedBench
  let base: string

  async function serve(answer: (asked: Asked) => void): Promise<string> {
    const queued = createQueuedServer()
    queued.queue.use({ answer })
    const server = queued.server.listen(0, '127.0.0.1')
    stack.defer(() => void closeServer(queued))
    await new Promise((resolve) => {
      server.once('listening', resolve)
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  beforeAll(async () => {
    const database = stack.use(await engines.find(({ name }) => name === engine)!.open())
    const pinned = 'at://did:plc:pinned/app.bsky.feed.post/3mmoojp4cd223'
    const definitions = [feedOf('art'), feedOf('cats'), feedOf('pin', { pinned })]
    bench = await openFeedBench(database, definitions, () => NOW)
    await bench.store(...Array.from({ length: 120 }, (_, index) => put(index)))
    const registry = createRegistry(PUBLISHER, bench.feeds)
    const logger = silentLogger()
    const clock = (): number => NOW
    const none = { ingestStatus: () => undefined, rankingStatuses: () => [] }
    const metrics = createMetrics({ ...none, clock })
    const identity = {
      serviceDid: 'did:web:localhost%3A1',
      publisherDid: PUBLISHER,
      endpoint: 'http://localhost:1',
      privacyPolicyUrl: undefined,
      termsOfServiceUrl: undefined,
    }
    const { answers } = metrics
    const health = { version: '0', startedUs: NOW, clock, startPositionUs: null, answers, ...none }
    const xrpc = {
      ...{ identity, registry, metrics, logger, viewers: noViewers },
      findPosts: createFindPosts(database.reader),
      addressOf: () => '127.0.0.1',
      admit: createAdmitCaller({ viewers: noViewers, addressOf: () => '127.0.0.1' }),
      resolveHandle: () => Promise.reject(new Error('nobody is asked')),
      clients: createClients({
        database: database.reader,
        retentionDays: 30,
        trending: DEFAULT_TRENDING,
        clock,
        filterIdOf: () => undefined,
      }),
      activity: prepareActivityReading(database.reader),
      tagCounts: new TagCounts({
        statements: prepareTagStatements(database.reader),
        retentionDays: 30,
        clock,
      }),
      version: (): number | undefined => database.reader.version(),
    }
    const pages = { find: () => undefined, [Symbol.dispose]: () => {} }
    const app = createHttpApp({
      ...{ identity, xrpc, health, metrics, pages, logger, addressOf: () => 'unknown' },
    })
    const getFeedSkeleton = stack.use(new GetFeedSkeleton(xrpc))
    const { answer } = createAnswerer({ getFeedSkeleton, framework: app, metrics, logger })
    base = await serve(answer)
  })
  afterAll(() => stack.disposeAsync())

  async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(base + path, init)
    const text = await response.text()
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      origin: response.headers.get('access-control-allow-origin'),
      poweredBy: response.headers.get('x-powered-by'),
      body: text === '' ? '' : (JSON.parse(text) as unknown),
    }
  }

  const feeds = [
    ...['art', 'cats', 'pin', 'nobody', 'constructor', '__proto__', 'toString', ''].map(feedUri),
    ...['', 'art', 'at://', 'at://alice.test/app.bsky.feed.generator/art', `${feedUri('art')}/`],
    ...[`${feedUri('art')}?a=1`, `${feedUri('art')}#x`, ` ${feedUri('art')}`, 'at://x y/z'],
    ...['at://did:plc:other/app.bsky.feed.generator/art', 'https://example.com', 'at://did:plc:a'],
  ]
  const limits = [
    ...['', '&limit=', '&limit=1', '&limit=2', '&limit=50', '&limit=100', '&limit=007'],
    ...['&limit=0', '&limit=101', '&limit=-1', '&limit=1.5', '&limit=1e1', '&limit=%2B5'],
    ...['&limit=abc', '&limit=5&limit=5', '&limit=%205', '&limit=0x1', '&LIMIT=5', '&limit[]=5'],
  ]
  const rest = ['', '&cursor=', '&cursor=abc', '&cursor=a&cursor=b', '&other=1', '&other=1&other=2']
  const queries = [
    ...feeds.flatMap((feed) => limits.map((limit) => `?feed=${encodeURIComponent(feed)}${limit}`)),
    ...rest.flatMap((part) => ['art', 'pin'].map((rkey) => `?feed=${feedUri(rkey)}${part}`)),
    ...['', '?', '?feed', '?feed=%', '?feed=%ff', '?&&', '?limit=5', '?feed[]=x', '?=', '?feed=+'],
    `?feed=${feedUri('art')}&feed=${feedUri('art')}`,
    `?limit=3&feed=${feedUri('art')}`,
  ]

  /** What the contract says of a query, worked out another way. */
  function expectation(query: string): { status: number; error?: string; count?: number } {
    const pairs = [...new URLSearchParams(query)]
    const names = pairs.map(([name]) => name)
    const { feed = '', limit = '', cursor = '' } = Object.fromEntries(pairs)
    const isLimit = limit === '' || (/^[0-9]{1,3}$/.test(limit) && +limit >= 1 && +limit <= 100)
    const isAtUri =
      /^at:\/\/(?:did:[a-z]+:[\w.:%-]*[\w.-]|[\w-]+\.[\w.-]+)(?:\/[\w.-]+(?:\/[\w.~:-]+)?)?$/
    if (new Set(names).size < names.length || !isAtUri.test(feed) || !isLimit) {
      return { status: 400, error: 'InvalidRequest' }
    }
    const posts = {
      [feedUri('art')]: 120,
      [feedUri('pin')]: limit === '1' ? 0 : 1,
      [feedUri('cats')]: 0,
    }
    const all = Object.hasOwn(posts, feed) ? posts[feed] : undefined
    if (all === undefined) {
      return { status: 400, error: 'UnknownFeed' }
    }
    return cursor === ''
      ? { status: 200, count: Math.min(Number(limit || 50), all) }
      : { status: 400, error: 'InvalidRequest' }
  }

  test(`are answered as the contract says: ${queries.length} good and bad ones`, async () => {
    for (const query of queries) {
      const { status, type, origin, poweredBy, body } = await ask(METHOD + query)
      const { error, feed, message } = body as { error?: string; message?: string; feed?: [] }
      const { count, ...wanted } = expectation(query)
      expect({ query, status, ...(error !== undefined && { error }) }).toEqual({ query, ...wanted })
      expect({ query, count: feed?.length }).toEqual({ query, count })
      expect({ query, hasMessage: (message?.length ?? 0) > 0 }).toEqual({
        query,
        hasMessage: status !== 200,
      })
      expect([type, origin, poweredBy]).toEqual(['application/json; charset=utf-8', '*', null])
      // The same once more: from what is kept of first pages, and of spellings.
      expect(await ask(METHOD + query)).toMatchObject({ status, body })
    }
  })

  test('take a cursor in either spelling, and no damaged one', async () => {
    const whole = (await ask(`${METHOD}?feed=${feedUri('art')}&limit=100`)).body as Skeleton
    const rest = await ask(`${METHOD}?feed=${feedUri('art')}&limit=100&cursor=${whole.cursor}`)
    const all = [...whole.feed, ...(rest.body as Skeleton).feed].map(({ post }) => post)
    expect(new Set(all).size).toBe(120)
    for (const limit of [7, 50]) {
      const walked: string[] = []
      let cursor: string | undefined
      do {
        const spelling = limit === 7 ? cursor : encodeURIComponent(cursor ?? '')
        const query = `?feed=${feedUri('art')}&limit=${limit}${cursor ? `&cursor=${spelling}` : ''}`
        const page = (await ask(METHOD + query)).body as Skeleton
        walked.push(...page.feed.map(({ post }) => post))
        cursor = page.cursor
        for (const broken of [`x${cursor ?? ''}%zz`, `x${cursor ?? ''}`, '%00']) {
          const path = `${METHOD}?feed=${feedUri('art')}&cursor=${broken}`
          expect(await ask(path)).toMatchObject({ status: 400, body: { error: 'InvalidRequest' } })
        }
      } while (cursor !== undefined)
      expect(walked).toEqual(all)
    }
  })

  test.each<[method: string, path: string, status: number, error: string | undefined]>([
    ['POST', METHOD, 400, 'InvalidRequest'],
    ['PUT', `${METHOD}?feed=${feedUri('art')}`, 400, 'InvalidRequest'],
    ['DELETE', METHOD, 400, 'InvalidRequest'],
    ['OPTIONS', METHOD, 204, undefined],
    ['HEAD', `${METHOD}?feed=${feedUri('art')}`, 200, undefined],
    ['HEAD', METHOD, 400, undefined],
    ['GET', `${METHOD}x?feed=${feedUri('art')}`, 501, 'MethodNotImplemented'],
    ['GET', `//xrpc/app.bsky.feed.getFeedSkeleton?feed=${feedUri('art')}`, 404, 'NotFound'],
    ['GET', '/xrpc/app.bsky.feed.describeFeedGenerator', 200, undefined],
    ['GET', '/xrpc/app.bsky.feed.getFeed', 501, 'MethodNotImplemented'],
    ['GET', '/nothing', 404, 'NotFound'],
  ])('answer %s %s with %i', async (method, path, status, error) => {
    const answer = await ask(path, { method })
    expect(answer.status).toBe(status)
    expect((answer.body as { error?: string }).error).toBe(error)
  })

  test('may name the whole URL, as proxies do', async () => {
    const { host, port } = new URL(base)
    const socket = connect(Number(port), '127.0.0.1')
    const target = `${base}${METHOD}?feed=${feedUri('art')}&limit=3`
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/)
    expect(answer.split('"post"')).toHaveLength(4)
  })

  test('asks the database one thing at a time for a client that does not wait for answers', async () => {
    const asked = { now: 0, most: 0 }
    const feeds = bench.feeds.map((feed) => ({
      definition: feed.definition,
      page: async (request: PageRequest) => {
        asked.now += 1
        asked.most = Math.max(asked.most, asked.now)
        const page = await feed.page(request)
        asked.now -= 1
        return page
      },
    }))
    const registry = createRegistry(PUBLISHER, feeds)
    const metrics = createMetrics({
      ingestStatus: () => undefined,
      rankingStatuses: () => [],
      clock: () => NOW,
    })
    const options = {
      viewers: noViewers,
      registry,
      metrics,
      logger: silentLogger(),
      version: () => undefined,
    }
    const method = stack.use(new GetFeedSkeleton(options))
    const url = await serve((asked) => void method.respond(asked))
    const limits = Array.from({ length: 60 }, (_, index) => 1 + (index % 7))
    const requests = limits.map((limit, index) => {
      const last = index === limits.length - 1 ? 'Connection: close\r\n' : ''
      return `GET ${METHOD}?feed=${feedUri('art')}&limit=${limit} HTTP/1.1\r\nHost: x\r\n${last}\r\n`
    })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(requests.join(''))
    const answers = (await text(socket)).split('HTTP/1.1 200 OK').slice(1)
    expect(answers.map((answer) => answer.split('"post"').length - 1)).toEqual(limits)
    expect(asked).toEqual({ now: 0, most: 1 })
  })

  test('shows a deleted post no more from the moment of the commit on', async () => {
    const path = `${METHOD}?feed=${encodeURIComponent(feedUri('art'))}&limit=3`
    for (let index = 0; index < 20; index += 1) {
      const first = (await ask(path)).body as { feed: { post: string }[] }
      expect(await ask(path)).toMatchObject({ body: first })
      const rkey = first.feed[0]?.post.split('/').at(-1) ?? ''
      await bench.store({ kind: 'deletePost', did: 'did:plc:a', rkey, rev: '3b' })
      const after = (await ask(path)).body as { feed: { post: string }[] }
      expect(after.feed[0]).toEqual(first.feed[1])
    }
  })
})
