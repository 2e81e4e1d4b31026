import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_TRENDING } from '../../src/feedfile/readTrending.ts'
import type { Feed } from '../../src/feeds/feed.ts'
import type { TrendingOptions } from '../../src/feeds/feedDefinition.ts'
import { rankingsOf } from '../../src/feeds/rankingDefinition.ts'
import { prepareRankingStatements } from '../../src/feeds/rankingStatements.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { silentLogger } from '../../src/logger.ts'
import { US_PER_DAY, US_PER_HOUR } from '../../src/time.ts'
import { explainRanking } from '../../src/trending/explainRanking.ts'
import { Ranker } from '../../src/trending/ranker.ts'
import { RankingStore } from '../../src/trending/rankingStore.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { feedOf } from '../support/definitions.ts'
import { openFeedBench } from '../support/feedBench.ts'

const NOW = 1_800_000_000_000_000
const AUTHORS = ['did:plc:a', 'did:plc:b', 'did:plc:c']
const facts = { tags: ['art'], media: 0, languages: [], labels: [] }

const put = (index: number, ageHours: number, rev = '3a'): Operation => ({
  kind: 'putPost',
  did: AUTHORS[index % AUTHORS.length] ?? '',
  rkey: `p${index}`,
  rev,
  cid: `cid${index}`,
  indexedAt: NOW - ageHours * US_PER_HOUR,
  timeUs: NOW,
  facts,
})
const uriOf = (index: number): string =>
  `at://${AUTHORS[index % AUTHORS.length]}/app.bsky.feed.post/p${index}`
let marks = 0
const like = (fan: number, index: number): Operation => {
  marks += 1
  return {
    kind: 'putMark',
    mark: 'like',
    did: `did:plc:fan${fan}`,
    rkey: `l${marks}`,
    rev: '3a',
    timeUs: NOW,
    engagement: { kind: 'like', did: AUTHORS[index % AUTHORS.length] ?? '', rkey: `p${index}` },
  }
}
const remove = (index: number): Operation => ({
  kind: 'deletePost',
  did: AUTHORS[index % AUTHORS.length] ?? '',
  rkey: `p${index}`,
  rev: '3z',
})
let toldUs = 0
const account = (did: string, active: boolean): Operation => {
  toldUs += 1
  return { kind: 'setAccount', did, active, status: undefined, timeUs: NOW, time: 0, toldUs }
}

async function openBench(database: TestDatabase, knobs: Partial<TrendingOptions> = {}) {
  const time = { nowUs: NOW }
  const clock = (): number => time.nowUs
  const trending = { ...DEFAULT_TRENDING, ...knobs }
  const definitions = [feedOf('art', { order: 'trending', trending })]
  const { feeds, store } = await openFeedBench(database, definitions, clock)
  const rankings = rankingsOf(definitions)
  const options = { database: database.writer, rankings, retentionDays: 30, clock }
  const rank = (): Promise<void> => new Ranker({ ...options, logger: silentLogger() }).runDue()
  /** One that goes on, as a service has it. */
  const ranker = new Ranker({ ...options, logger: silentLogger() })
  /** The stream is heard at a moment. */
  const hear = async (time_us: number): Promise<void> => {
    const row = { time_us, host: 'a', disorder_us: 0, lag_ms: 60_000, committed_us: time.nowUs }
    await database.writer.kysely
      .insertInto('ingest_position')
      .values({ id: 1, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute()
  }
  const dropOld = async (): Promise<void> => {
    await ranker.dropOld()
    await hear(time.nowUs)
    await ranker.dropOld()
  }
  return { time, feed: feeds[0] as Feed, store, rank, ranker, hear, dropOld, ranking: rankings[0]! }
}

/** A walk from a cursor on, under one limit after the other. */
async function walk(
  feed: Feed,
  limits: Iterator<number>,
  start?: string,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<string[]> {
  const seen: string[] = []
  let cursor = start
  do {
    const limit = Number(limits.next().value)
    const page = await feed.page({ limit, cursor })
    expect(page.posts.length).toBeLessThanOrEqual(limit)
    expect(page.posts.length > 0 || page.cursor === undefined).toBe(true)
    expect(page.cursor === undefined || page.cursor !== cursor).toBe(true)
    expect(new Set(page.posts).size).toBe(page.posts.length)
    seen.push(...page.posts)
    ;({ cursor } = page)
    await between()
  } while (cursor !== undefined)
  return seen
}

const limits = fc.infiniteStream(fc.integer({ min: 1, max: 5 }))
const actions = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('delete' as const), index: fc.nat(11) }),
    fc.record({ kind: fc.constant('like' as const), index: fc.nat(11) }),
    fc.record({ kind: fc.constant('edit' as const), index: fc.nat(11) }),
    fc.record({ kind: fc.constant('new' as const), index: fc.nat(11) }),
    fc.record({ kind: fc.constant('hide' as const), index: fc.nat(2) }),
    fc.record({ kind: fc.constant('rank' as const), index: fc.nat(0) }),
  ),
  { maxLength: 12 },
)

describe.each(engines)('a ranking on $name', { timeout: 120_000 }, ({ open }) => {
  test('is walked as it was made, whatever happens meanwhile, but for what is gone', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(8), { maxLength: 12 }),
        actions,
        limits,
        async (likes, list, some) => {
          await using database = await open()
          const { feed, store, rank } = await openBench(database)
          const posts = likes.map((_, index) => put(index, 1 + index))
          await store(
            ...posts,
            ...likes.flatMap((count, index) =>
              Array.from({ length: count }, (__, fan) => like(fan, index)),
            ),
          )
          await rank()
          const whole = await walk(feed, [100].values())
          expect([...whole].sort()).toEqual(likes.map((_, index) => uriOf(index)).sort())
          const gone = new Set<string>()
          const queue = [...list]
          let revs = 0
          const act = async (): Promise<void> => {
            const action = queue.pop()
            revs += 1
            const index = action?.index ?? 0
            switch (action?.kind) {
              case 'delete':
                gone.add(uriOf(index))
                await store(remove(index))
                break
              case 'like':
                await store(like(100 + revs, index))
                break
              case 'edit':
                if (index < likes.length && !gone.has(uriOf(index))) {
                  await store(put(index, 1, `3b${revs}`))
                }
                break
              case 'new':
                await store(put(20 + revs, 0))
                break
              case 'hide': {
                const did = AUTHORS[index] ?? ''
                whole.filter((uri) => uri.includes(`${did}/`)).forEach((uri) => gone.add(uri))
                await store(account(did, false))
                await store(account(did, true))
                break
              }
              case 'rank':
                await rank()
                break
              case undefined:
            }
          }
          const first = await feed.page({ limit: 2, cursor: undefined })
          const early = first.posts
          const rest = first.cursor === undefined ? [] : await walk(feed, some, first.cursor, act)
          // What has left may have been seen before it left; all else is seen once, in its order.
          const seen = [...early, ...rest]
          expect(seen.filter((uri) => !gone.has(uri))).toEqual(
            whole.filter((uri) => !gone.has(uri)),
          )
          expect(new Set(seen).size).toBe(seen.length)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('goes on below the rank that was reached when its generation is gone', async () => {
    await using database = await open()
    const { time, feed, store, rank, dropOld } = await openBench(database)
    await store(...Array.from({ length: 12 }, (_, index) => put(index, 1 + index)))
    await rank()
    const { cursor } = await feed.page({ limit: 4, cursor: undefined })
    await store(...[7, 8, 9, 10, 11].map((index) => like(index, index)))
    time.nowUs += 60_000_000
    await rank()
    time.nowUs += US_PER_DAY / 2
    await dropOld()
    // Nobody noted that the first one was served.
    const page = await feed.page({ limit: 4, cursor })
    expect(page.posts).toHaveLength(4)
    const current = await walk(feed, [100].values())
    expect([...page.posts, ...(await walk(feed, fc.sample(limits, 1)[0]!, page.cursor))]).toEqual(
      current.slice(4),
    )
  })

  test('is kept for a day when it was served', async () => {
    await using database = await open()
    const { time, feed, store, rank, dropOld } = await openBench(database)
    await store(...Array.from({ length: 6 }, (_, index) => put(index, 1 + index)))
    await rank()
    const { posts, cursor } = await feed.page({ limit: 2, cursor: undefined })
    await database.writer.kysely.updateTable('generation').set({ served: 1 }).execute()
    await store(like(1, 5))
    time.nowUs += 60_000_000
    await rank()
    expect((await feed.page({ limit: 1, cursor: undefined })).posts).toEqual([uriOf(5)])
    time.nowUs += US_PER_DAY
    await dropOld()
    const rest = await walk(feed, [2, 2].values(), cursor)
    expect([...posts, ...rest]).toEqual([0, 1, 2, 3, 4, 5].map(uriOf))
    time.nowUs += 2 * US_PER_HOUR
    await dropOld()
    const left = await database.reader.kysely.selectFrom('generation').select('id').execute()
    expect(left).toHaveLength(1)
  })

  test('goes by the stream while our clock is ahead, and by nothing while it is not heard', async () => {
    await using database = await open()
    const { time, store, rank, ranker, hear, dropOld } = await openBench(database)
    await hear(NOW)
    await store(put(0, 1))
    await rank()
    await store(put(1, 2))
    await rank()
    const count = async (): Promise<number> =>
      (await database.reader.kysely.selectFrom('generation').select('id').execute()).length
    time.nowUs = NOW + 40 * US_PER_DAY
    await ranker.dropOld()
    await hear(NOW + 1)
    await ranker.dropOld()
    // A clock that is behind does not make what is superseded now old for one that is right.
    time.nowUs = NOW - 40 * US_PER_DAY
    await store(put(2, 3))
    await rank()
    time.nowUs = NOW
    await hear(NOW + 2)
    await ranker.dropOld()
    expect(await count()).toBe(3)
    time.nowUs = NOW + US_PER_HOUR
    await dropOld()
    expect(await count()).toBe(1)
  })

  test('has at most 300 generations that nobody reads, though the stream is not heard', async () => {
    await using database = await open()
    const store = new RankingStore(database.writer)
    for (let index = 0; index < 305; index += 1) {
      const nowUs = NOW + index * 2_000_000
      await store.add([], { key: 'k', nowUs, durationMs: 1, candidates: 0, isLive: false })
    }
    const { kysely } = database.writer
    await kysely.updateTable('generation').set({ served: 1 }).where('id', '=', 1).execute()
    expect([await store.dropOld(NOW, 12, ['k']), await store.dropOld(NOW, 12, ['k'])]).toEqual([
      4, 0,
    ])
    const left = await kysely.selectFrom('generation').select('id').orderBy('id').execute()
    expect(left.map(({ id }) => id).slice(0, 3)).toEqual([1, 6, 7])
  })

  test('stays the same generation for as long as nothing changes', async () => {
    await using database = await open()
    const { time, store, rank } = await openBench(database)
    await store(put(1, 1), put(2, 2), like(1, 2))
    await rank()
    time.nowUs += 60_000_000
    await rank()
    const generations = await database.reader.kysely.selectFrom('generation').selectAll().execute()
    expect(generations).toHaveLength(1)
  })

  test('shows a post again whose account has come back, though all else is as it was', async () => {
    await using database = await open()
    const { feed, store, ranker } = await openBench(database, { refreshSeconds: 0 })
    await store(put(0, 1), put(1, 2), like(1, 1))
    await ranker.runDue()
    await store(account('did:plc:b', false))
    await store(account('did:plc:b', true))
    expect(await walk(feed, [100].values())).toEqual([uriOf(0)])
    await ranker.runDue()
    expect(await walk(feed, [100].values())).toEqual([1, 0].map(uriOf))
  })

  test('of many goes as fast as they come', async () => {
    await using database = await open()
    const { time, store, rank, dropOld } = await openBench(database, { refreshSeconds: 0 })
    for (let index = 0; index < 12; index += 1) {
      await store(put(index, 1 + index))
      await rank()
      time.nowUs += 1_000_000
    }
    time.nowUs += US_PER_DAY
    await dropOld()
    const left = await database.reader.kysely.selectFrom('generation').select('id').execute()
    expect(left).toHaveLength(1)
  })

  test('looks at the window alone, is cut to its length, and says why', async () => {
    await using database = await open()
    const { feed, store, rank, ranking } = await openBench(database, {
      maxPosts: 3,
      windowHours: 10,
    })
    await store(
      put(0, 11),
      put(1, 9),
      put(2, 4),
      put(3, 3),
      put(4, 2),
      like(1, 1),
      like(2, 1),
      like(3, 2),
      like(1, 0),
    )
    await rank()
    expect(await walk(feed, [100].values())).toEqual([2, 1, 4].map(uriOf))
    const reasons = await explainRanking(database.reader, ranking)
    expect(reasons.get(uriOf(2))).toMatchObject({
      rank: 1,
      counts: { likes: 1 },
      authorRank: 1,
      decay: 8,
    })
    expect(reasons.get(uriOf(2))?.score).toBeCloseTo(1 / 8, 9)
    expect(reasons.get(uriOf(1))?.score).toBeCloseTo(2 / 27, 9)
    // The second post of its author, without engagement.
    expect(reasons.get(uriOf(4))).toMatchObject({ rank: 3, score: 0, authorRank: 2 })
  })

  test('keeps a cursor of another feed or order out', async () => {
    await using database = await open()
    const { feed } = await openBench(database)
    for (const cursor of ['', 'abc', '1!1!1', '0'.repeat(5_000)].slice(1)) {
      expect(() => feed.page({ limit: 1, cursor })).toThrow('Malformed cursor')
    }
  })

  test('is read by one search on an index', async () => {
    await using database = await open()
    for (const { sql } of Object.values(prepareRankingStatements(database.reader))) {
      expect(await database.planFaults(sql)).toBe('')
    }
  })
})
