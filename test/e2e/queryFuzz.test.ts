/** Odd and hostile queries of clients: each is answered, and none with a fault of the service. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hostileText } from '../hostile/hostileValues.ts'
import { createPost, did } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { createRandom } from '../support/streamGenerator.ts'
import type { Random } from '../support/streamGenerator.ts'

const REQUESTS = 2_000
const AT_ONCE = 8
const FEEDS = `feeds:
  - { rkey: art, name: Art, tags: [art] }
  - { rkey: hot, name: Hot, tags: [art], order: trending }
`
const stack = new AsyncDisposableStack()
let app: RunningApp
beforeAll(async () => {
  const server = stack.use(await openJetstreamServer())
  const env = { FEEDGEN_JETSTREAM_URLS: server.url, FEEDGEN_PUBLISHER_DID: did(900) }
  app = stack.use(await runApp({ feeds: FEEDS, env }))
  let timeUs = Date.now() * 1000 - 60_000_000
  const posts = Array.from({ length: 300 }, (_, index) =>
    createPost({ timeUs: (timeUs += 1_000), did: did(index % 9), tags: ['art', `n${index % 5}`] }),
  )
  server.appendAll(posts)
  await app.untilCommitted(timeUs)
})
afterAll(() => stack.disposeAsync())

/** Values that make sense for a parameter, so that queries get past the first check. */
const GOOD: Readonly<Record<string, readonly string[]>> = {
  tags: ['art', '#n1', 'n2', 'nothing', 'ＡＲＴ'],
  match: ['any', 'all'],
  without: ['n1', 'n3'],
  media: ['image', 'none', 'link'],
  langs: ['en', 'ja', 'und', 'iw'],
  withoutLabels: ['porn', 'bot'],
  authors: [did(1), did(2)],
  order: ['recent', 'trending', 'following'],
  limit: ['1', '7', '100'],
  until: ['2099-01-01T00:00:00Z', '1969-12-31T23:59:59.999999Z'],
  since: [
    '1999-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59Z',
    `at://${did(1)}/app.bsky.feed.post/x`,
  ],
  total: ['true', 'false'],
  uris: [`at://${did(1)}/app.bsky.feed.post/3kkkkkkkkkkkk`, 'at://a.test/a.b.c/d'],
  post: [`at://${did(1)}/app.bsky.feed.post/x`, `https://bsky.app/profile/${did(2)}/post/%00`],
}
const METHODS: Readonly<Record<string, readonly string[]>> = {
  getPosts: Object.keys(GOOD).slice(0, 12),
  getEngagement: ['uris'],
  explainPost: ['post'],
}

function queryOf(random: Random, names: readonly string[], cursors: readonly string[]): string {
  const parts: string[] = []
  for (const name of [...names, 'feed', 'cursor']) {
    const isLikely = name === 'tags' || name === 'uris' || name === 'post'
    while (random.chance(isLikely ? 0.6 : 0.12)) {
      const good = { ...GOOD, feed: [app.feedUri('art'), app.feedUri('hot')], cursor: cursors }[
        name
      ]
      const value =
        good !== undefined && good.length > 0 && random.chance(0.85)
          ? random.pick(good)
          : hostileText(random)
      parts.push(`${name}=${encodeURIComponent(value.toWellFormed())}`)
    }
  }
  return parts.join('&')
}

test('2,000 random queries are answered with 200, 400 or 401', { timeout: 120_000 }, async () => {
  const random = createRandom(15)
  const cursors: string[] = []
  const faults: string[] = []
  const counts = new Map<number, number>()
  let sent = 0
  async function ask(): Promise<void> {
    while (sent < REQUESTS) {
      sent += 1
      const [method, names] = random.pick(Object.entries(METHODS))
      const query = queryOf(random, names, cursors)
      // Each from somewhere else, so that none of them has made too many calls.
      const headers = { 'x-forwarded-for': `198.51.${sent >> 8}.${sent & 255}` }
      const response = await app.get(`/xrpc/app.tagfeed.${method}?${query}`, { headers })
      const { status } = response
      const body = (await response.json()) as Record<string, unknown>
      counts.set(status, (counts.get(status) ?? 0) + 1)
      const isFine =
        status === 200 || ([400, 401].includes(status) && typeof body['message'] === 'string')
      if (!isFine) {
        faults.push(`${status} ${method}?${query}: ${JSON.stringify(body)}`)
      }
      for (const text of [body['cursor'], body['newest']]) {
        if (typeof text === 'string' && cursors.length < 50) {
          cursors.push(text)
        }
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, ask))
  expect(faults).toEqual([])
  expect(counts.get(200)).toBeGreaterThan(REQUESTS / 10)
  expect(counts.get(400)).toBeGreaterThan(REQUESTS / 10)
})
