import { describe, expect, test } from 'vitest'
import {
  accountEvent,
  createPost,
  deleteRecord,
  did,
  follow,
  identityEvent,
  tid,
} from '../support/events.ts'
import type { CommitEvent } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp, SkeletonPage } from '../support/runApp.ts'
import { until } from '../support/until.ts'
import { GET_FEED_SKELETON, openViewerNetwork } from '../support/viewerNetwork.ts'
import type { ViewerNetwork } from '../support/viewerNetwork.ts'

const SERVICE = 'did:web:feeds.example.com'
const FEEDS = `feeds:
  - { rkey: mine, name: Mine, tags: [art], order: following }
  - { rkey: art, name: Art, tags: [art] }
`
const VIEWER = did(1)
const uriOf = ({ did: author, commit }: CommitEvent): string =>
  `at://${author}/${commit.collection}/${commit.rkey}`

async function openBench(stack: AsyncDisposableStack, env: Record<string, string> = {}) {
  const network = stack.use(await openViewerNetwork(SERVICE))
  network.join(VIEWER)
  const server = stack.use(await openJetstreamServer())
  const app = stack.use(
    await runApp({
      feeds: FEEDS,
      env: {
        ...network.env,
        FEEDGEN_JETSTREAM_URLS: server.url,
        FEEDGEN_HOSTNAME: 'feeds.example.com',
        FEEDGEN_PUBLISHER_DID: did(900),
        ...env,
      },
    }),
  )
  let timeUs = Date.now() * 1000 - 60_000_000
  const next = (): number => (timeUs += 1000)
  return {
    ...{ network, server, app },
    post: (who: number, tag = 'art') => createPost({ timeUs: next(), did: did(who), tags: [tag] }),
    follow: (who: number) => follow({ timeUs: next(), did: VIEWER, subject: did(who) }),
    unfollow: (rkey: string) =>
      deleteRecord('app.bsky.graph.follow', { timeUs: next(), did: VIEWER, rkey }),
    account: (who: number, active: boolean, status?: string) =>
      accountEvent({ timeUs: next(), did: did(who), active, ...(status && { status }) }),
    committed: () => app.untilCommitted(timeUs),
  }
}

function ask(
  app: RunningApp,
  network: ViewerNetwork,
  query: Record<string, string | number> = {},
): Promise<Response> {
  const search = new URLSearchParams({ feed: app.feedUri('mine') })
  Object.entries(query).forEach(([name, value]) => search.set(name, String(value)))
  const authorization = network.bearer(VIEWER, GET_FEED_SKELETON)
  return app.get(`/xrpc/${GET_FEED_SKELETON}?${search.toString()}`, { headers: { authorization } })
}

async function walk(app: RunningApp, network: ViewerNetwork, limit: number): Promise<string[]> {
  const posts: string[] = []
  let cursor: string | undefined
  do {
    const response = await ask(app, network, { limit, ...(cursor && { cursor }) })
    expect(response.status).toBe(200)
    const page = (await response.json()) as SkeletonPage
    expect(page.feed.length > 0 || page.cursor === undefined).toBe(true)
    posts.push(...page.feed.map(({ post }) => post))
    cursor = page.cursor
  } while (cursor !== undefined)
  return posts
}

describe('a following feed', { timeout: 60_000 }, () => {
  test('needs a viewer, and says so in the forms of XRPC', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, network } = await openBench(stack)
    const path = `/xrpc/${GET_FEED_SKELETON}?feed=${encodeURIComponent(app.feedUri('mine'))}`
    const nobody = await app.get(path)
    expect(nobody.status).toBe(401)
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer')
    expect(await nobody.json()).toMatchObject({ error: 'AuthMissing' })
    const wrong = network.bearer(VIEWER, GET_FEED_SKELETON, { exp: 5 })
    const expired = await app.get(path, { headers: { authorization: wrong } })
    expect(expired.status).toBe(401)
    expect(await expired.json()).toMatchObject({ error: 'JwtExpired' })
    // To a feed for everybody it does not matter.
    const art = path.replace('mine', 'art')
    expect((await app.get(art, { headers: { authorization: wrong } })).status).toBe(200)
  })

  test('has the posts of those whom the viewer follows, in their order, under any limits', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, network, server, post, committed } = await openBench(stack)
    const posts = Array.from({ length: 300 }, (_, index) => post(1 + (index % 30)))
    server.appendAll([...posts, post(5, 'cats')])
    await committed()
    const followed = [2, 5, 7, 11, 23, 29, 1]
    followed.forEach((who, index) =>
      network.follows.get(VIEWER)?.set(tid(1_700_000_000_000_000 + index), did(who)),
    )
    const isShown = (event: CommitEvent): boolean =>
      followed.some((who) => who !== 1 && event.did === did(who))
    const expected = posts.filter(isShown).map(uriOf).toReversed()
    for (const limit of [1, 7, 50, 100]) {
      expect(await walk(app, network, limit)).toEqual(expected)
    }
  })

  test('follows the stream: follows, their ends, accounts that go and come', async () => {
    await using stack = new AsyncDisposableStack()
    const bench = await openBench(stack)
    const { app, network, server, post, committed } = bench
    const posts = Array.from({ length: 40 }, (_, index) => post(2 + (index % 4)))
    server.appendAll(posts)
    await committed()
    const rkey = tid(1_700_000_000_000_000)
    network.follows.get(VIEWER)?.set(rkey, did(2))
    const of = (...who: number[]): string[] =>
      posts.filter(({ did: author }) => who.some((each) => did(each) === author)).map(uriOf)
    const becomes = async (expected: readonly string[]): Promise<void> => {
      const isThere = async (): Promise<boolean> =>
        (await walk(app, network, 100)).join() === expected.toReversed().join()
      await until(isThere, 10_000).catch(() => {})
      expect(await walk(app, network, 100)).toEqual(expected.toReversed())
    }
    await becomes(of(2))
    const third = bench.follow(3)
    network.follows.get(VIEWER)?.set(third.commit.rkey, did(3))
    server.append(third)
    await becomes(of(2, 3))
    network.follows.get(VIEWER)?.delete(rkey)
    server.append(bench.unfollow(rkey))
    await becomes(of(3))
    server.append(bench.account(3, false, 'deactivated'))
    await becomes([])
    server.append(bench.account(3, true))
    await becomes(of(3))
    // A replay of all of it changes nothing.
    await server.disconnectAll({ code: 1000 })
    await committed()
    await becomes(of(3))
  })

  test('shows nothing of half a list: it is read to its end first, or the reader is asked to wait', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, network, server, post, committed } = await openBench(stack)
    server.append(post(2))
    await committed()
    network.follows.get(VIEWER)?.set(tid(1_700_000_000_000_000), did(2))
    network.isHanging = true
    const late = await ask(app, network)
    expect(late.status).toBe(503)
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await late.json()).toMatchObject({ error: 'FollowsUnavailable' })
    network.isHanging = false
    await until(async () => (await ask(app, network)).status === 200, 20_000)
    expect(await walk(app, network, 50)).toHaveLength(1)
    // A known list serves while the repository cannot be read.
    network.status = 500
    expect(await walk(app, network, 50)).toHaveLength(1)
  })

  test.each(['repeated', 'foreign'] as const)(
    'does not believe a PDS whose pages are %s',
    async (cursors) => {
      await using stack = new AsyncDisposableStack()
      const { app, network } = await openBench(stack)
      network.followMany(VIEWER, 150)
      network.cursors = cursors
      expect((await ask(app, network)).status).toBe(503)
    },
  )

  test('reads 5,000 follows within four seconds from a PDS that takes its time', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, network, server, post, committed } = await openBench(stack)
    network.followMany(VIEWER, 5_000)
    network.follows.get(VIEWER)?.set(tid(1_600_000_000_000_000 + 10_000_000_000_000), did(2))
    server.append(post(2), post(3))
    await committed()
    network.delayMs = 100
    const startedAt = performance.now()
    const response = await ask(app, network)
    expect(response.status).toBe(200)
    expect(performance.now() - startedAt).toBeLessThan(4_000)
    expect(((await response.json()) as SkeletonPage).feed).toHaveLength(1)
  })

  test('reads a PDS with cursors of another kind one page after the other', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, network, server, post, committed } = await openBench(stack)
    network.followMany(VIEWER, 450)
    network.follows.get(VIEWER)?.set(tid(1_500_000_000_000_000), did(2))
    network.cursors = 'offsets'
    server.append(post(2), post(3))
    await committed()
    expect(await walk(app, network, 50)).toHaveLength(1)
  })

  test('takes a new key at once when the stream says that the identity has changed', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, network, server, post, committed } = await openBench(stack)
    expect((await ask(app, network)).status).toBe(200)
    network.join(VIEWER, 'ES256')
    const before = network.asked.documents
    expect((await ask(app, network)).status).toBe(401)
    const { commit, time_us: timeUs } = post(3)
    server.append(identityEvent({ timeUs, did: VIEWER, handle: `${commit.rkey}.example.com` }))
    await committed()
    await until(async () => (await ask(app, network)).status === 200, 10_000)
    expect(network.asked.documents).toBe(before + 1)
  })

  test('is empty, without a cursor, for a viewer who follows nobody', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, network, server, post, committed } = await openBench(stack)
    server.append(post(2))
    await committed()
    const response = await ask(app, network)
    expect(await response.json()).toEqual({ feed: [] })
  })
})
