import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PageRequest } from '../../src/feeds/feed.ts'
import { createRegistry } from '../../src/feeds/registry.ts'
import { createHttpApp } from '../../src/http/httpApp.ts'
import { closeServer, createQueuedServer } from '../../src/http/httpServer.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { silentLogger } from '../../src/logger.ts'
import type { Asked } from '../../src/queue/clientConnection.ts'
import { createMetrics } from '../../src/status/metrics.ts'
import { createAnswerer } from '../../src/xrpc/createAnswerer.ts'
import { SkeletonResponder } from '../../src/xrpc/skeletonResponder.ts'
import { engines } from '../support/databases.ts'
import { feedOf } from '../support/definitions.ts'
import { openFeedBench } from '../support/feedBench.ts'
import type { FeedBench } from '../support/feedBench.ts'
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

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly origin: string | null
  readonly poweredBy: string | null
  readonly body: unknown
}

describe('the answer ahead of the framework', () => {
  const stack = new AsyncDisposableStack()
  let bench: FeedBench
  let direct: string
  let framework: string

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
    const app = createHttpApp({ identity, registry, health, metrics, logger })
    const version = (): number | undefined => database.reader.version()
    const responder = stack.use(new SkeletonResponder({ registry, metrics, logger, version }))
    framework = await serve(({ request, response }) => app(request, response))
    const { answer } = createAnswerer({ responder, framework: app, metrics, logger })
    direct = await serve(answer)
  })
  afterAll(() => stack.disposeAsync())

  async function ask(base: string, path: string, init: RequestInit = {}): Promise<Answer> {
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

  test(`is the framework's on ${queries.length} good and bad queries`, async () => {
    for (const query of queries) {
      const [fast, slow] = await Promise.all([
        ask(direct, METHOD + query),
        ask(framework, METHOD + query),
      ])
      expect({ query, ...fast }).toEqual({ query, ...slow })
      expect(fast.status === 200 || fast.status === 400).toBe(true)
    }
  })

  test("is the framework's on every page and on damaged cursors", async () => {
    for (const rkey of ['art', 'pin']) {
      for (const limit of [1, 7, 50]) {
        let cursor: string | undefined
        do {
          const spelling = limit === 7 ? cursor : encodeURIComponent(cursor ?? '')
          const query = `?feed=${feedUri(rkey)}&limit=${limit}${cursor ? `&cursor=${spelling}` : ''}`
          const fast = await ask(direct, METHOD + query)
          expect(fast).toEqual(await ask(framework, METHOD + query))
          cursor = (fast.body as { cursor?: string }).cursor
          const broken = `${METHOD}?feed=${feedUri(rkey)}&cursor=x${cursor ?? ''}%zz`
          expect(await ask(direct, broken)).toEqual(await ask(framework, broken))
        } while (cursor !== undefined)
      }
    }
  })

  test.each([
    ['POST', METHOD],
    ['PUT', METHOD],
    ['OPTIONS', METHOD],
    ['GET', `${METHOD}/`],
    ['GET', `${METHOD}x?feed=${feedUri('art')}`],
    ['GET', `/xrpc/app.bsky.feed.getfeedskeleton?feed=${feedUri('art')}`],
    ['GET', `//xrpc/app.bsky.feed.getFeedSkeleton?feed=${feedUri('art')}`],
    ['GET', '/xrpc/app.bsky.feed.describeFeedGenerator'],
    ['GET', '/xrpc/app.bsky.feed.getFeed'],
    ['GET', '/nothing'],
  ])("is the framework's for %s %s", async (method, path) => {
    expect(await ask(direct, path, { method })).toEqual(await ask(framework, path, { method }))
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
    const options = { registry, metrics, logger: silentLogger(), version: () => undefined }
    const responder = stack.use(new SkeletonResponder(options))
    const url = await serve((asked) => void responder.respond(asked))
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
      const first = (await ask(direct, path)).body as { feed: { post: string }[] }
      expect(await ask(direct, path)).toMatchObject({ body: first })
      const rkey = first.feed[0]?.post.split('/').at(-1) ?? ''
      await bench.store({ kind: 'deletePost', did: 'did:plc:a', rkey, rev: '3b' })
      const after = (await ask(direct, path)).body as { feed: { post: string }[] }
      expect(after.feed[0]).toEqual(first.feed[1])
    }
  })
})
