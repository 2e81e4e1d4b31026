import { describe, expect, test } from 'vitest'
import { accountEvent, createPost, did } from '../support/events.ts'
import type { CommitEvent } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { SkeletonPage } from '../support/runApp.ts'
import { until } from '../support/until.ts'
import { GET_FEED_SKELETON, openViewerNetwork } from '../support/viewerNetwork.ts'

const SERVICE = 'did:web:feeds.example.com'
const SEND = 'app.bsky.feed.sendInteractions'
const FEEDS = `feeds:
  - { rkey: art, name: Art, tags: [art], acceptsInteractions: true }
  - { rkey: hot, name: Hot, tags: [art], order: trending, trending: { refreshSeconds: 1 } }
  - { rkey: plain, name: Plain, tags: [art] }
`
const [VIEWER, OTHER] = [did(1), did(2)]
const uriOf = ({ did: author, commit }: CommitEvent): string =>
  `at://${author}/${commit.collection}/${commit.rkey}`

async function openBench(stack: AsyncDisposableStack) {
  const network = stack.use(await openViewerNetwork(SERVICE))
  network.join(VIEWER)
  network.join(OTHER, 'ES256')
  const server = stack.use(await openJetstreamServer())
  const app = stack.use(
    await runApp({
      feeds: FEEDS,
      env: {
        ...network.env,
        FEEDGEN_JETSTREAM_URLS: server.url,
        FEEDGEN_HOSTNAME: 'feeds.example.com',
        FEEDGEN_PUBLISHER_DID: did(900),
      },
    }),
  )
  let timeUs = Date.now() * 1000 - 60_000_000
  const next = (): number => (timeUs += 1000)
  const posts = Array.from({ length: 60 }, (_, index) =>
    createPost({ timeUs: next(), did: did(10 + (index % 6)), tags: ['art'] }),
  )
  server.appendAll(posts)
  await app.untilCommitted(timeUs)
  const uris = posts.map(uriOf).toReversed()
  const send = (body: unknown, init: RequestInit = {}, who = VIEWER): Promise<Response> =>
    app.get(`/xrpc/${SEND}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
      headers: {
        'content-type': 'application/json',
        authorization: network.bearer(who, SEND),
        ...(init.headers as Record<string, string> | undefined),
      },
    })
  const act = async (event: string, items: readonly string[], who = VIEWER): Promise<void> => {
    const interactions = items.map((item) => ({ item, event: `app.bsky.feed.defs#${event}` }))
    const answer = await send({ feed: app.feedUri('art'), interactions }, {}, who)
    expect([answer.status, await answer.json()]).toEqual([200, {}])
  }
  const page = async (rkey: string, who?: string, query: Record<string, string> = {}) => {
    const search = new URLSearchParams({ feed: app.feedUri(rkey), ...query })
    const headers: Record<string, string> =
      who === undefined ? {} : { authorization: network.bearer(who, GET_FEED_SKELETON) }
    const response = await app.get(`/xrpc/${GET_FEED_SKELETON}?${search.toString()}`, { headers })
    expect(response.status).toBe(200)
    return (await response.json()) as SkeletonPage & { reqId?: string }
  }
  const walk = async (rkey: string, who?: string, limit = 7): Promise<string[]> => {
    const found: string[] = []
    let cursor: string | undefined
    do {
      const answer = await page(rkey, who, { limit: String(limit), ...(cursor && { cursor }) })
      expect(answer.feed.length === limit || answer.cursor === undefined).toBe(true)
      found.push(...answer.feed.map(({ post }) => post))
      cursor = answer.cursor
    } while (cursor !== undefined)
    return found
  }
  const metric = async (text: string): Promise<number> => {
    const line = (await (await app.get('/metrics')).text())
      .split('\n')
      .find((each) => each.startsWith(`${text} `))
    return Number(line?.split(' ').at(-1) ?? 0)
  }
  return { app, server, network, uris, posts, send, act, page, walk, metric, next }
}

describe('interactions', { timeout: 60_000 }, () => {
  test('hide posts that somebody asked to see less of, and after the third the author', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, uris, act, walk } = await openBench(stack)
    const [first = '', second = '', third = ''] = uris.filter((uri) => uri.includes(did(12)))
    const without = (...hidden: string[]): string[] => uris.filter((uri) => !hidden.includes(uri))
    await act('requestLess', [first])
    await act('requestLess', [first])
    expect(await walk('art', VIEWER)).toEqual(without(first))
    expect(await walk('plain', VIEWER)).toEqual(without(first))
    expect(await walk('hot', VIEWER)).toEqual(without(first))
    expect(await walk('art', OTHER)).toEqual(uris)
    expect(await walk('art')).toEqual(uris)
    await act('requestLess', [second])
    expect(await walk('art', VIEWER)).toEqual(without(first, second))
    await act('requestLess', [third])
    expect(await walk('art', VIEWER)).toEqual(uris.filter((uri) => !uri.includes(did(12))))
    await act('requestMore', [second])
    expect(await walk('art', VIEWER)).toEqual(without(first, second))
    expect(await app.stop()).toBe(0)
  })

  test('count views once an account and post, not of own posts, reversibly with the account', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, server, network, posts, act, metric, next } = await openBench(stack)
    const [post] = posts
    const own = did(10)
    network.join(own)
    const uri = uriOf(post as CommitEvent)
    for (const who of [VIEWER, OTHER, VIEWER, own]) {
      await act('interactionSeen', [uri, 'at://did:plc:x/app.bsky.feed.post/unknown'], who)
    }
    const views = async (): Promise<number> => {
      const { openReader } = await import('../../src/db/openDatabase.ts')
      const config = app.logs.find(({ event }) => event === 'starting')?.['config'] as {
        databaseUrl: string
      }
      await using reader = await openReader(config.databaseUrl)
      const rows = await reader.kysely.selectFrom('post_count').select('views').execute()
      return rows.reduce((sum, row) => sum + row.views, 0)
    }
    await until(async () => (await views()) === 2, 15_000)
    server.append(accountEvent({ timeUs: next(), did: VIEWER, active: false, status: 'suspended' }))
    await until(async () => (await views()) === 1, 15_000)
    server.append(accountEvent({ timeUs: next(), did: VIEWER, active: true }))
    await until(async () => (await views()) === 2, 15_000)
    expect(await metric('feedgen_interactions_total{feed="art",event="interactionSeen"}')).toBe(4)
  })

  test('are told apart by the reqId of the page when they name no feed', async () => {
    await using stack = new AsyncDisposableStack()
    const { uris, send, page, metric } = await openBench(stack)
    const { reqId } = await page('art')
    expect(reqId).toMatch(/^[\w-]{8,199}$/u)
    expect((await page('plain')).reqId).toBeUndefined()
    const interactions = [{ item: uris[0], event: 'app.bsky.feed.defs#interactionLike', reqId }]
    expect((await send({ interactions })).status).toBe(200)
    expect(await metric('feedgen_interactions_total{feed="art",event="interactionLike"}')).toBe(1)
  })

  test('that are wrong get an error, or cost themselves alone', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, uris, send, network } = await openBench(stack)
    const good = { item: uris[0], event: 'app.bsky.feed.defs#interactionSeen' }
    const many = (count: number) => ({ interactions: Array.from({ length: count }, () => good) })
    const type = (value: string): RequestInit => ({ headers: { 'content-type': value } })
    const cases: [number, string | undefined, Promise<Response>][] = [
      [401, 'AuthMissing', app.get(`/xrpc/${SEND}`, { method: 'POST', body: '{}' })],
      [
        401,
        'BadJwtLexiconMethod',
        send(many(1), { headers: { authorization: network.bearer(VIEWER, GET_FEED_SKELETON) } }),
      ],
      [400, 'InvalidRequest', send('{')],
      [400, 'InvalidRequest', send('[]')],
      [400, 'InvalidRequest', send({})],
      [400, 'InvalidRequest', send({ interactions: 'x' })],
      [400, 'InvalidRequest', send(many(101))],
      [415, undefined, send(many(1), type('text/plain'))],
      [413, undefined, send({ interactions: [], padding: 'x'.repeat(300_000) })],
      [400, 'InvalidRequest', app.get(`/xrpc/${SEND}`)],
      [200, undefined, send(many(100))],
      [200, undefined, send(many(1), type('application/json; charset=utf-8'))],
      [200, undefined, send({ interactions: [null, 7, {}, { item: 1 }, { ...good, event: 'x' }] })],
      [200, undefined, send({ feed: 'at://did:plc:x/app.bsky.feed.generator/x', ...many(1) })],
    ]
    for (const [status, error, asked] of cases) {
      const answer = await asked
      const body = (await answer.json()) as { error?: string }
      expect([answer.status, error === undefined ? undefined : body.error]).toEqual([status, error])
    }
  })
})
