import { describe, expect, test } from 'vitest'
import { SmallWrites } from '../../src/db/smallWrites.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { Pruner } from '../../src/ingest/upkeep/pruner.ts'
import { silentLogger } from '../../src/logger.ts'
import { FeedFilters } from '../../src/posts/feedFilters.ts'
import { registerFilters } from '../../src/posts/filters.ts'
import { touchFilters } from '../../src/posts/filterUse.ts'
import { US_PER_DAY, US_PER_HOUR } from '../../src/time.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { filterOf } from '../support/definitions.ts'

const NOW = 1_800_000_000_000_000
const facts = { tags: ['art', 'cats'], media: 0, languages: [], labels: [] }
const pinned = [{ did: 'did:plc:pin', rkey: 'r1' }]

const put = (rkey: string, indexedAt: number, isKept = true): Operation => ({
  kind: 'putPost',
  did: 'did:plc:a',
  rkey,
  rev: '3a',
  cid: `cid${rkey}`,
  indexedAt,
  timeUs: NOW,
  facts: isKept ? facts : undefined,
})
const gone = (did: string, rkey: string): Operation => ({
  kind: 'deletePost',
  did,
  rkey,
  rev: '3b',
})
const account = (did: string, active: boolean, time: number): Operation => ({
  kind: 'setAccount',
  did,
  active,
  status: undefined,
  time,
  timeUs: time,
  toldUs: time,
})

async function openBench({ writer }: TestDatabase, retentionDays = 30) {
  await registerFilters(writer, [filterOf({ anyTags: ['art'] })], NOW)
  const store = createRecordStore(writer)
  const logger = silentLogger()
  const stream: { horizonUs: number | undefined } = { horizonUs: Number.MAX_SAFE_INTEGER }
  const time = { nowUs: NOW }
  let heldBackPosts: number | undefined
  const pruner = new Pruner({
    database: writer,
    store,
    retentionDays,
    windowUs: 72 * US_PER_HOUR,
    pinned,
    horizonUs: () => stream.horizonUs && Math.min(time.nowUs, stream.horizonUs),
    logger,
    onHeldBack: (posts) => {
      heldBackPosts = posts
    },
  })
  const store1 = (nowUs: number, ...ops: Operation[]): Promise<void> =>
    storeBatch(
      { store, pinned, windowUs: 72 * US_PER_HOUR },
      { ops, position: undefined, lastEventUs: undefined },
      nowUs,
    )
  /** Lets the pruner have its turn every second of an hour. */
  const pruneHour = async (nowUs: number, seconds = 3_600): Promise<void> => {
    for (let us = nowUs; us < nowUs + seconds * 1_000_000; us += 1_000_000) {
      time.nowUs = us
      await pruner.stepIfDue(us)
    }
  }
  return { store: store1, pruneHour, stream, heldBack: () => heldBackPosts }
}

const counts = async ({ reader }: TestDatabase) => {
  const count = async (table: 'post' | 'post_tag' | 'filter_post' | 'record_trace' | 'filter') => {
    const { count } = await reader.kysely
      .selectFrom(table)
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    return count
  }
  return {
    posts: await count('post'),
    tags: await count('post_tag'),
    members: await count('filter_post'),
    traces: await count('record_trace'),
    filters: await count('filter'),
  }
}

describe.each(engines)('pruning on $name', ({ open }) => {
  test('remembers what a like of a post that is gone was before', async () => {
    await using database = await open()
    const { store, pruneHour } = await openBench(database)
    const like = (rev: string, rkey: string): Operation => ({
      kind: 'putMark',
      mark: 'like',
      did: 'did:plc:x',
      rkey: 'e1',
      rev,
      timeUs: NOW,
      engagement: { kind: 'like', did: 'did:plc:a', rkey },
    })
    await store(NOW, put('p1', NOW), put('p2', NOW), like('3b', 'p1'), like('3c', 'p2'))
    await store(NOW, gone('did:plc:a', 'p2'))
    await pruneHour(NOW)
    await store(NOW, like('3b', 'p1'))
    const likes = database.reader.kysely.selectFrom('engagement').select('rkey').execute()
    expect(await likes).toEqual([])
  })

  test('takes posts that are older than the retention within the hour, with all their rows', async () => {
    await using database = await open()
    const { store, pruneHour } = await openBench(database)
    const edge = NOW - 30 * US_PER_DAY
    const old = Array.from({ length: 2_500 }, (_, index) => put(`old${index}`, edge - 1 - index))
    await store(NOW, ...old, put('young', edge + US_PER_HOUR), put('younger', NOW))
    await pruneHour(NOW)
    expect(await counts(database)).toMatchObject({ posts: 2, tags: 4, members: 2 })
  })

  test('goes by the stream while our clock is ahead of it, and by our clock while the stream is', async () => {
    await using database = await open()
    const { store, pruneHour, stream } = await openBench(database)
    const accounts = database.reader.kysely.selectFrom('account').select('did')
    await store(
      NOW,
      put('r1', NOW - US_PER_DAY),
      put('old', NOW - 31 * US_PER_DAY),
      put('untagged', NOW, false),
      gone('did:plc:a', 'gone'),
      account('did:plc:good', true, NOW),
    )
    await store(NOW, {
      ...{ kind: 'putMark', mark: 'like', did: 'did:plc:x', rkey: 'e1', rev: '3b', timeUs: NOW },
      engagement: { kind: 'like', did: 'did:plc:a', rkey: 'r1' },
    })
    stream.horizonUs = NOW
    await pruneHour(NOW + 40 * US_PER_DAY)
    expect(await counts(database)).toMatchObject({ posts: 1, members: 1, traces: 3, filters: 1 })
    expect(await accounts.execute()).toHaveLength(3)
    const likes = database.reader.kysely.selectFrom('engagement').select('rkey')
    expect(await likes.execute()).toHaveLength(1)
    stream.horizonUs = NOW + 40 * US_PER_DAY
    await pruneHour(NOW)
    expect(await counts(database)).toMatchObject({ posts: 1, members: 1, traces: 3, filters: 1 })
  })

  test('removes nothing while the stream has not been heard', async () => {
    await using database = await open()
    const { store, pruneHour, stream } = await openBench(database)
    await store(NOW, put('old', NOW - 31 * US_PER_DAY))
    stream.horizonUs = undefined
    await pruneHour(NOW)
    expect(await counts(database)).toMatchObject({ posts: 1 })
    stream.horizonUs = NOW
    await pruneHour(NOW)
    expect(await counts(database)).toMatchObject({ posts: 0 })
  })

  test('does not let an update bring back what it has taken', async () => {
    await using database = await open()
    const { store, pruneHour } = await openBench(database)
    const old = put('r1', NOW - 31 * US_PER_DAY)
    await store(NOW, old)
    await pruneHour(NOW)
    await store(NOW, { ...old, rev: '3c', indexedAt: NOW } as Operation)
    expect(await counts(database)).toMatchObject({ posts: 0, members: 0 })
    // With its account erased it is gone, and what comes then is a record of its own.
    const erased = { ...account('did:plc:a', false, NOW), status: 'deleted' } as Operation
    await store(NOW, erased, account('did:plc:a', true, NOW + 1))
    await store(NOW, { ...old, rev: '3d', indexedAt: NOW, timeUs: NOW + 2 } as Operation)
    expect(await counts(database)).toMatchObject({ posts: 1, members: 1 })
  })

  test('forgets a deleted record only after more than 48 hours, and a pinned one never', async () => {
    await using database = await open()
    const { store, pruneHour } = await openBench(database)
    const many = Array.from({ length: 1_500 }, (_, index) => gone('did:plc:a', `r${index}`))
    await store(NOW, ...many, gone('did:plc:pin', 'r1'), put('untagged', NOW, false))
    await pruneHour(NOW + 48 * US_PER_HOUR)
    expect(await counts(database)).toMatchObject({ traces: 1_502 })
    await pruneHour(NOW + 4 * US_PER_DAY)
    expect(await counts(database)).toMatchObject({ traces: 1 })
  })

  test('forgets accounts without posts of which only good was told, and no other', async () => {
    await using database = await open()
    const { store, pruneHour } = await openBench(database)
    await store(
      NOW,
      account('did:plc:good', true, NOW),
      account('did:plc:hidden', false, NOW),
      put('r1', NOW),
      account('did:plc:a', true, NOW),
    )
    await pruneHour(NOW + 10 * US_PER_DAY)
    const rows = await database.reader.kysely.selectFrom('account').select('did').execute()
    expect(rows.map(({ did }) => did).sort()).toEqual(['did:plc:a', 'did:plc:hidden'])
  })

  test('says how many posts of hidden accounts there are', async () => {
    await using database = await open()
    const { store, pruneHour, heldBack } = await openBench(database)
    const hidden = { ...account('did:plc:a', false, NOW), status: 'deactivated' } as Operation
    await store(NOW, put('r1', NOW), put('r2', NOW), hidden)
    await pruneHour(NOW)
    expect(heldBack()).toBe(2)
    await store(NOW, account('did:plc:a', true, NOW + 1))
    await pruneHour(NOW + US_PER_HOUR)
    expect(heldBack()).toBe(0)
  })

  test('takes old posts within the hour though there are many traces', async () => {
    await using database = await open()
    const { store, pruneHour } = await openBench(database)
    const traces = Array.from({ length: 20_000 }, (_, index) => gone('did:plc:b', `t${index}`))
    await store(NOW, ...traces, put('old', NOW - 31 * US_PER_DAY), put('r1', NOW))
    await pruneHour(NOW, 60)
    expect(await counts(database)).toMatchObject({ posts: 1 })
  })

  test('drops a filter that no feed has used for days, and its rows', async () => {
    await using database = await open()
    const { store, pruneHour } = await openBench(database)
    await store(NOW, put('r1', NOW))
    await registerFilters(database.writer, [filterOf({ anyTags: ['cats'] })], NOW + 5 * US_PER_DAY)
    await pruneHour(NOW + 5 * US_PER_DAY)
    expect(await counts(database)).toMatchObject({ filters: 1, members: 0, posts: 1 })
  })

  test('keeps a filter for as long as a process says that it uses it', async () => {
    await using database = await open()
    const { store, pruneHour } = await openBench(database)
    await store(NOW, put('r1', NOW))
    const clock = (): number => NOW + 5 * US_PER_DAY
    await using writes = new SmallWrites(database.url)
    const use = {
      writes,
      filters: new FeedFilters([1]),
      clock,
      logger: silentLogger(),
    }
    expect(await touchFilters(use)).toBe(true)
    await pruneHour(NOW + 6 * US_PER_DAY)
    expect(await counts(database)).toMatchObject({ filters: 1, members: 1 })
    await pruneHour(NOW + 8 * US_PER_DAY)
    expect(await counts(database)).toMatchObject({ filters: 0, members: 0 })
  })
})
