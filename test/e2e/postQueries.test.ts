import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as explainLexicon from '../../src/lexicons/app/tagfeed/explainPost.ts'
import * as engagementLexicon from '../../src/lexicons/app/tagfeed/getEngagement.ts'
import * as postsLexicon from '../../src/lexicons/app/tagfeed/getPosts.ts'
import { createPost, did, like, refTo } from '../support/events.ts'
import type { CommitEvent } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { until } from '../support/until.ts'
import { openViewerNetwork } from '../support/viewerNetwork.ts'
import type { ViewerNetwork } from '../support/viewerNetwork.ts'

const FEEDS = `feeds:
  - { rkey: art, name: Art, tags: [art] }
  - { rkey: hot, name: Hot, tags: [art], order: trending, trending: { refreshSeconds: 1 } }
`
const VIEWER = did(1)
const stack = new AsyncDisposableStack()
const uriOf = ({ did: author, commit }: CommitEvent): string =>
  `at://${author}/${commit.collection}/${commit.rkey}`

let app: RunningApp
let network: ViewerNetwork
let posts: CommitEvent[]
let liked: CommitEvent
beforeAll(async () => {
  network = stack.use(await openViewerNetwork('did:web:feeds.example.com'))
  network.join(VIEWER)
  const server = stack.use(await openJetstreamServer())
  app = stack.use(
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
  posts = Array.from({ length: 130 }, (_, index) =>
    createPost({
      timeUs: (timeUs += 1_000),
      did: did(10 + (index % 9)),
      tags: ['art', `n${index % 5}`],
    }),
  )
  liked = like({ timeUs: (timeUs += 1_000), did: VIEWER, subject: refTo(posts[7] as CommitEvent) })
  const reply = createPost({
    timeUs: (timeUs += 1_000),
    did: did(30),
    tags: ['art'],
    record: {
      reply: { root: refTo(posts[0] as CommitEvent), parent: refTo(posts[0] as CommitEvent) },
    },
  })
  server.appendAll([...posts, liked, reply])
  posts = [...posts, reply]
  await app.untilCommitted(timeUs)
})
afterAll(() => stack.disposeAsync())

interface Answer {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- the shape is what is tested
  readonly body: any
}

async function ask(
  method: string,
  query: Readonly<Record<string, string | readonly string[]>>,
  token = false,
): Promise<Answer> {
  const search = new URLSearchParams()
  for (const [name, values] of Object.entries(query)) {
    ;[values].flat().forEach((value) => search.append(name, value))
  }
  const nsid = `app.tagfeed.${method}`
  const headers: Record<string, string> = token
    ? { authorization: network.bearer(VIEWER, nsid) }
    : {}
  const response = await app.get(`/xrpc/${nsid}?${search.toString()}`, { headers })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

const roots = (): string[] => posts.slice(0, -1).map(uriOf)
const uris = ({ body }: Answer): string[] => (body.posts as { uri: string }[]).map(({ uri }) => uri)

describe('app.tagfeed', { timeout: 60_000 }, () => {
  test('getPosts walks both ways, as its lexicon says', async () => {
    for (const [since, expected] of [
      [undefined, roots().toReversed()],
      ['1999-01-01T00:00:00Z', roots()],
      [roots()[40], roots().slice(41)],
    ] as const) {
      const found: string[] = []
      let cursor: string | undefined
      do {
        const answer = await ask('getPosts', {
          tags: '#ART',
          limit: '37',
          ...(since && { since }),
          ...(cursor && { cursor }),
        })
        expect(answer.status).toBe(200)
        expect(postsLexicon.main.output.schema.safeParse(answer.body)).toMatchObject({
          success: true,
        })
        expect(answer.headers.get('ratelimit-remaining')).toMatch(/^\d+$/u)
        found.push(...uris(answer))
        cursor = answer.body.cursor as string | undefined
      } while (cursor !== undefined)
      expect(found).toEqual(expected)
    }
  })

  test('getPosts goes on from what was newest, and knows the likes of who asks', async () => {
    const first = await ask('getPosts', { tags: ['n1', 'n2'], match: 'any', total: 'true' }, true)
    expect(first.body.total).toMatchObject({ count: 52 })
    const next = await ask('getPosts', { tags: ['n1', 'n2'], since: first.body.newest as string })
    expect(next.body).toEqual({ posts: [] })
    const all = await ask('getPosts', { tags: ['art', 'n2'], match: 'all', limit: '100' }, true)
    expect(uris(all)).toHaveLength(26)
    const own = (all.body.posts as { uri: string; viewer: object; record: object }[]).find(
      ({ uri }) => uri === roots()[7],
    )
    expect(own?.viewer).toEqual({ like: uriOf(liked) })
    expect(own?.record).toMatchObject({ text: expect.stringContaining('#art') as unknown })
    const feed = await ask('getPosts', { feed: app.feedUri('art'), order: 'trending', limit: '1' })
    expect(uris(feed)).toEqual([roots()[0]])
  })

  test('getEngagement and explainPost say what is known of a post', async () => {
    const [root = '', other = ''] = [roots()[7], roots()[0]]
    const engagement = await ask(
      'getEngagement',
      { uris: [other, 'at://x.test/a.b.c/d', root] },
      true,
    )
    expect(engagementLexicon.main.output.schema.safeParse(engagement.body)).toMatchObject({
      success: true,
    })
    expect(engagement.body.posts).toMatchObject([
      { uri: other, likes: 0, replies: 1 },
      { uri: root, likes: 1, viewer: { like: uriOf(liked) } },
    ])
    const isFirst = async (): Promise<boolean> =>
      (await ask('explainPost', { post: root })).body.feeds[1].rank === 2
    await until(isFirst)
    const explained = await ask('explainPost', { post: root })
    expect(explainLexicon.main.output.schema.safeParse(explained.body)).toMatchObject({
      success: true,
    })
    expect(explained.body.feeds).toMatchObject([{ isIn: true }, { isIn: true, rank: 2 }])
    const reply = uriOf(posts.at(-1) as CommitEvent)
    const link = `https://bsky.app/profile/${did(30)}/post/${reply.split('/').at(-1) ?? ''}`
    expect((await ask('explainPost', { post: link })).body).toMatchObject({
      post: { known: true, reason: 'reply' },
      feeds: [{ isIn: false, rule: 'reply' }, { isIn: false }],
    })
  })

  test.each([
    ['getPosts', {}, /tags/u],
    ['getPosts', { tags: '##' }, /tags/u],
    ['getPosts', { tags: Array.from({ length: 21 }, (_, index) => `t${index}`) }, /tags.*20/u],
    ['getPosts', { tags: 'art', feed: 'at://did:plc:x/app.bsky.feed.generator/x' }, /feed/u],
    ['getPosts', { tags: 'art', limit: '0' }, /limit/u],
    ['getPosts', { tags: 'art', limit: '101' }, /limit/u],
    ['getPosts', { tags: 'art', limit: ['1', '2'] }, /limit/u],
    ['getPosts', { tags: 'art', order: 'best' }, /order/u],
    ['getPosts', { tags: 'art', order: 'trending', since: '2026-01-01T00:00:00Z' }, /since/u],
    ['getPosts', { tags: 'art', since: 'yesterday' }, /since/u],
    ['getPosts', { tags: 'art', since: 'at://did:plc:x/app.bsky.feed.post/x' }, /since/u],
    ['getPosts', { tags: 'art', until: 'now' }, /until/u],
    ['getPosts', { tags: 'art', cursor: 'abc' }, /cursor/u],
    ['getPosts', { tags: 'art', media: 'gif' }, /media/u],
    ['getPosts', { tags: 'art', authors: 'alice' }, /authors/u],
    ['getPosts', { tags: 'art', total: 'yes' }, /total/u],
    ['getEngagement', {}, /uris/u],
    ['explainPost', {}, /post/u],
    ['explainPost', { post: 'https://example.com' }, /post/u],
  ] as const)('%s refuses %j, and names the parameter', async (method, query, named) => {
    const { status, body } = await ask(method, query)
    expect([status, body.error]).toEqual([400, 'InvalidRequest'])
    expect(body.message).toMatch(named)
  })

  test('refuses a cursor of another query, and a bad token', async () => {
    const { body } = await ask('getPosts', { tags: 'art', limit: '5' })
    const cursor = body.cursor as string
    expect((await ask('getPosts', { tags: 'n1', cursor })).status).toBe(400)
    expect((await ask('getPosts', { tags: 'art', cursor, limit: '9' })).status).toBe(200)
    // The order in which a list is given is none of the query's.
    const one = await app.get('/xrpc/app.tagfeed.getPosts?tags=art&without=n1&without=n2&limit=5')
    const next = encodeURIComponent(((await one.json()) as { cursor: string }).cursor)
    const lists = 'tags=art&without=n2&without=n1&limit=5'
    const other = await app.get(`/xrpc/app.tagfeed.getPosts?${lists}&cursor=${next}`)
    expect(other.status).toBe(200)
    const headers = { authorization: 'Bearer a.b.c' }
    const answer = await app.get('/xrpc/app.tagfeed.getPosts?tags=art', { headers })
    expect(answer.status).toBe(401)
    expect((await ask('getPosts', { tags: 'art', order: 'following' })).status).toBe(401)
  })

  test('serves its lexicons', async () => {
    const response = await app.get('/lexicons/app.tagfeed.getPosts.json')
    expect(await response.json()).toMatchObject({ lexicon: 1, id: 'app.tagfeed.getPosts' })
    expect((await app.get('/lexicons/app.tagfeed.nothing.json')).status).toBe(404)
    expect((await app.get('/xrpc/app.tagfeed.nothing')).status).toBe(501)
  })
})
