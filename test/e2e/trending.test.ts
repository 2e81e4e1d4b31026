import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import {
  accountEvent,
  createPost,
  deleteRecord,
  did,
  like,
  refTo,
  repost,
} from '../support/events.ts'
import type { CommitEvent, JetstreamEvent } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp, runScript } from '../support/runApp.ts'
import { until } from '../support/until.ts'

const HOUR_US = 3_600_000_000
const FEEDS = `feeds:
  - { rkey: hot, name: Hot, tags: [art], order: trending, trending: { refreshSeconds: 1 } }
  - { rkey: art, name: Art, tags: [art] }
`
const uriOf = ({ did, commit }: CommitEvent): string =>
  `at://${did}/${commit.collection}/${commit.rkey}`
/** A stream that ends now, an event a millisecond. */
function createStream() {
  let timeUs = Date.now() * 1000 - 10_000_000
  const next = (): number => (timeUs += 1000)
  return {
    now: () => timeUs,
    post: (who: string, ageHours: number, record = {}): CommitEvent => {
      const at = next()
      const createdAt = new Date((at - ageHours * HOUR_US) / 1000).toISOString()
      return createPost({ timeUs: at, did: who, tags: ['art'], record: { createdAt, ...record } })
    },
    like: (who: string, subject: CommitEvent) =>
      like({ timeUs: next(), did: who, subject: refTo(subject) }),
    repost: (who: string, subject: CommitEvent) =>
      repost({ timeUs: next(), did: who, subject: refTo(subject) }),
    undo: (event: CommitEvent): CommitEvent => {
      const { collection, rkey } = event.commit
      return deleteRecord(collection, { timeUs: next(), did: event.did, rkey })
    },
    account: (who: string, active: boolean, status?: string): JetstreamEvent =>
      accountEvent({ timeUs: next(), did: who, active, ...(status && { status }) }),
  }
}

describe('a trending feed', { timeout: 60_000 }, () => {
  test('ranks by engagement, follows its reversal, and says why', async () => {
    await using server = await openJetstreamServer()
    using folder = temporaryFolder()
    const stream = createStream()
    const [a, b, c] = [stream.post(did(1), 4), stream.post(did(2), 4), stream.post(did(3), 1)]
    const likes = [4, 5, 6, 7].map((who) => stream.like(did(who), a))
    server.appendAll([a, b, c, ...likes])
    server.append(stream.like(did(1), a))
    server.append(stream.repost(did(8), b))
    const env = { FEEDGEN_JETSTREAM_URLS: server.url }
    await using app = await runApp({ feeds: FEEDS, env, folder: folder.path })
    await app.untilCommitted(stream.now())
    const is = async (...events: CommitEvent[]): Promise<boolean> =>
      (await app.walk('hot')).join() === events.map(uriOf).join()
    await until(() => is(a, b, c))
    await until(async () => (await app.get('/ready')).status === 200)
    // Two of the likes are taken back, and an account goes: two are left of b, one of a.
    server.appendAll([
      ...likes.slice(0, 2).map((like) => stream.undo(like)),
      stream.account(did(6), false, 'deactivated'),
    ])
    await until(() => is(b, a, c))
    server.append(stream.account(did(6), true))
    server.append(stream.like(did(9), a))
    await until(() => is(a, b, c))
    const run = await runScript('scripts/printFeed.ts', ['hot', '--explain', '--json'], {
      feeds: FEEDS,
      env,
      folder: folder.path,
    })
    const lines = run.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, number>)
    expect(lines[0]).toMatchObject({ rank: 1, uri: uriOf(a), likes: 3, reposts: 0, authorRank: 1 })
    expect(lines[1]).toMatchObject({ rank: 2, uri: uriOf(b), likes: 0, reposts: 1 })
    for (const { score, likes: l = 0, reposts: r = 0, ageHours = 0 } of lines) {
      expect(score).toBeCloseTo((l + 2 * r) / Math.max(ageHours, 0.1) ** 1.5, 9)
    }
    // A post that is gone is gone from every generation at once.
    server.append(stream.undo(a))
    await app.untilCommitted(stream.now())
    expect(await app.walk('hot')).toEqual([b, c].map(uriOf))
  })

  test('stays as it is for a reader who scrolls', async () => {
    await using server = await openJetstreamServer()
    const stream = createStream()
    const posts = Array.from({ length: 30 }, (_, index) => stream.post(did(index + 1), 2))
    const likes = posts.flatMap((post, index) =>
      Array.from({ length: 30 - index }, (_, who) => stream.like(did(100 + who), post)),
    )
    server.appendAll([...posts, ...likes])
    await using app = await runApp({ feeds: FEEDS, env: { FEEDGEN_JETSTREAM_URLS: server.url } })
    await app.untilCommitted(stream.now())
    // The first rankings may be made of a part of that.
    await until(async () => (await app.walk('hot')).join() === posts.map(uriOf).join())
    const first = await app.page('hot', { limit: 7 })
    // The last one overtakes all.
    server.appendAll(
      Array.from({ length: 60 }, (_, who) => stream.like(did(200 + who), posts[29]!)),
    )
    await until(
      async () => (await app.page('hot', { limit: 1 })).feed[0]?.post === uriOf(posts[29]!),
    )
    const seen = first.feed.map(({ post }) => post)
    let { cursor } = first
    while (cursor !== undefined) {
      const page = await app.page('hot', { limit: 7, cursor })
      seen.push(...page.feed.map(({ post }) => post))
      cursor = page.cursor
    }
    expect(seen).toEqual(posts.map(uriOf))
  })
})
