import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { WriteDatabase } from '../../src/db/database.ts'
import { decodeEvent } from '../../src/ingest/events/decodeEvent.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { projectEvent } from '../../src/ingest/events/projectEvent.ts'
import { KnownRecords } from '../../src/ingest/memory/knownRecords.ts'
import { noteOperation } from '../../src/ingest/memory/noteOperation.ts'
import { RecordMemory } from '../../src/ingest/memory/recordMemory.ts'
import { RecordStore } from '../../src/ingest/store/recordStore.ts'
import type { RecordKey } from '../../src/ingest/store/recordStore.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { Pruner } from '../../src/ingest/upkeep/pruner.ts'
import { silentLogger } from '../../src/logger.ts'
import { registerFilters } from '../../src/posts/filters.ts'
import { US_PER_HOUR } from '../../src/time.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { filterOf } from '../support/definitions.ts'
import { accountEvent, deleteRecord, did, tid, writeRecord } from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import { contents } from '../support/storeContents.ts'

const NOW = 1_800_000_000_000_000
const WINDOW_US = 72 * US_PER_HOUR
const POST = 'app.bsky.feed.post'
const MARKS = ['app.bsky.feed.like', 'app.bsky.feed.repost'] as const

const slot = fc.nat(3)
/** Few, so that records meet again; times, and keys that are none. */
const times = [9, 8, 7, 6, 5, 4].map((back) => tid(NOW - back))
const rkey = fc.constantFrom(...times, 'self', '3own', 'zzz')
const subjectOf = (owner: number, key: string): string => `at://${did(owner)}/${POST}/${key}`
const subject = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(slot, rkey).map(([owner, key]) => subjectOf(owner, key)) },
  { weight: 1, arbitrary: fc.constant(subjectOf(9, tid(NOW - 99))) },
)
const operation = fc.constantFrom('create' as const, 'update' as const)
/** `step` is put into `rev` and `time_us` when the events are in a row; older ones come too. */
const post = fc
  .record({
    slot,
    rkey,
    operation,
    late: fc.nat(2),
    isTagged: fc.boolean(),
    root: fc.option(subject),
  })
  .map(({ slot: owner, rkey: key, operation: how, late, isTagged, root }) => (step: number) => {
    const options = {
      did: did(owner),
      rkey: key,
      timeUs: NOW - 1_000 + step,
      rev: tid(step - late),
    }
    return writeRecord(how, POST, options, {
      createdAt: new Date(NOW / 1_000 - 1_000).toISOString(),
      ...(isTagged && { tags: ['art'] }),
      ...(root !== null && { reply: { root: { uri: root, cid: 'bafyroot' } } }),
    })
  })
const mark = fc
  .record({ slot, rkey, operation, late: fc.nat(2), to: subject, kind: fc.constantFrom(...MARKS) })
  .map(({ slot: owner, rkey: key, operation: how, late, to, kind }) => (step: number) => {
    const options = {
      did: did(owner),
      rkey: key,
      timeUs: NOW - 1_000 + step,
      rev: tid(step - late),
    }
    return writeRecord(how, kind, options, { subject: { uri: to, cid: 'bafysubject' } })
  })
const gone = fc
  .record({ slot, rkey, late: fc.nat(2), kind: fc.constantFrom(POST, ...MARKS) })
  .map(({ slot: owner, rkey: key, late, kind }) => (step: number) => {
    const rev = tid(step - late)
    return deleteRecord(kind, { did: did(owner), rkey: key, timeUs: NOW - 1_000 + step, rev })
  })
const account = fc
  .record({ slot, active: fc.boolean(), status: fc.constantFrom('deactivated', 'deleted') })
  .map(({ slot: owner, active, status }) => (step: number) => {
    const options = { did: did(owner), timeUs: NOW - 1_000 + step, seq: step }
    return accountEvent(active ? options : { ...options, active, status })
  })
/** Posts come first: whether what is done for a post before it is there, or is there again, counts is open. */
function settled(events: readonly JetstreamEvent[]): JetstreamEvent[] {
  const isPost = (event: JetstreamEvent): boolean =>
    event.kind === 'commit' &&
    event.commit.collection === POST &&
    event.commit.record?.['tags'] !== undefined &&
    event.commit.record['reply'] === undefined
  return [...events.filter(isPost), ...events.filter((event) => !isPost(event))]
}

const streams = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: post },
      { weight: 6, arbitrary: mark },
      { weight: 2, arbitrary: gone },
      { weight: 1, arbitrary: account },
    ),
    { maxLength: 30 },
  )
  .map((makers) => settled(makers.map((make, index) => make(100 + index))))

function createStore(database: WriteDatabase, pinned: readonly RecordKey[] = []) {
  const memory = new RecordMemory({
    database,
    windowUs: WINDOW_US,
    reachedUs: (nowUs) => nowUs,
    pinned,
    logger: silentLogger(),
  })
  return { memory, store: new RecordStore({ database, memory, keepTag: () => true }) }
}

/** A process that ingests: what it knows it has read when it began, and from what it has stored. */
async function begin({ writer }: TestDatabase, pinned: readonly RecordKey[] = []) {
  const { memory, store } = createStore(writer, pinned)
  await memory.load(NOW)
  const time = { nowUs: NOW }
  const pruner = new Pruner({
    database: writer,
    store,
    retentionDays: 30,
    windowUs: WINDOW_US,
    pinned,
    horizonUs: () => time.nowUs,
    logger: silentLogger(),
  })
  return {
    pruneAll: async () => {
      for (let atUs = NOW; await pruner.stepIfDue(atUs); atUs += US_PER_HOUR) {
        time.nowUs = atUs + US_PER_HOUR
        // Rounds follow each other: some steps of one, and some of the next.
        if (atUs > NOW + 20 * US_PER_HOUR) {
          break
        }
      }
    },
    store: async (
      events: readonly JetstreamEvent[],
      { isCertain = true, host = 'host', isForgetful = false } = {},
    ) => {
      const keys = isCertain ? memory : { kept: memory.kept, known: new KnownRecords() }
      const ops = events.flatMap((event) => {
        const data = Buffer.from(JSON.stringify(event))
        const decoded = decodeEvent({ data, isBinary: false })
        const times = { datedUs: event.time_us, orderUs: event.time_us }
        const { kept, known } = keys
        const op = decoded.ok
          ? projectEvent(decoded.event, times, { keepTag: () => true, kept, known })
          : undefined
        if (op === undefined) {
          return []
        }
        if (isCertain) {
          memory.note(op)
        } else {
          noteOperation(op, keys)
        }
        return op
      })
      const position = { timeUs: NOW, host, disorderUs: 0 }
      const target = { store, pinned, windowUs: WINDOW_US }
      await storeBatch(target, { ops, position, lastEventUs: NOW }, NOW)
      if (!isForgetful) {
        await memory.stepIfDue(NOW)
      }
    },
  }
}

/**
 * Whether a like of another's post leaves a trace depends on who knows which posts by their hashes; it
 * counts for nothing either way.
 */
async function withoutStrangers(database: TestDatabase) {
  const { traces, ...rest } = await contents(database)
  return { ...rest, traces: traces.filter(({ collection, fate }) => collection === 0 || fate > 0) }
}

async function openBoth(open: () => Promise<TestDatabase>) {
  const stack = new AsyncDisposableStack()
  const knowing = stack.use(await open())
  const asking = stack.use(await open())
  for (const { writer } of [knowing, asking]) {
    await registerFilters(writer, [filterOf({ anyTags: ['art'] })], NOW)
  }
  return { knowing, asking, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

describe.each(engines)(
  'what ingest knows of the store on $name',
  { timeout: 120_000 },
  (engine) => {
    // To open a database takes Postgres a quarter of a second.
    const runs = (count: number): number => (engine.name === 'postgres' ? count / 4 : count)

    test('changes nothing of what is stored, from whichever batch on it is read', async () => {
      await fc.assert(
        fc.asyncProperty(streams, fc.nat(30), fc.nat(30), async (events, cut, again) => {
          await using both = await openBoth(engine.open)
          const first = await begin(both.knowing)
          await first.store(events.slice(0, cut))
          await first.store(events.slice(cut, cut + 5))
          const second = await begin(both.knowing)
          await second.store(events.slice(cut + 5))
          await second.store(events.slice(again))
          const asking = await begin(both.asking)
          for (const event of [...events, ...events.slice(again)]) {
            await asking.store([event], { isCertain: false })
          }
          expect(await withoutStrangers(both.knowing)).toEqual(await withoutStrangers(both.asking))
        }),
        { numRuns: runs(60) },
      )
    })

    test('is not relied on after another process has stored records', async () => {
      await fc.assert(
        fc.asyncProperty(streams, fc.nat(30), async (events, cut) => {
          await using both = await openBoth(engine.open)
          const [first, second] = [await begin(both.knowing), await begin(both.knowing)]
          // Both read the same stream, one ahead of the other.
          await first.store(events.slice(0, cut))
          await second.store(events)
          await first.store(events.slice(cut))
          const asking = await begin(both.asking)
          for (const event of [...events.slice(0, cut), ...events, ...events.slice(cut)]) {
            await asking.store([event], { isCertain: false })
          }
          expect(await withoutStrangers(both.knowing)).toEqual(await withoutStrangers(both.asking))
        }),
        { numRuns: runs(40) },
      )
    })

    test('is not relied on after a batch that failed', async () => {
      await fc.assert(
        fc.asyncProperty(streams, fc.nat(30), async (events, cut) => {
          await using both = await openBoth(engine.open)
          const knowing = await begin(both.knowing)
          await knowing.store(events.slice(0, cut))
          // No row of a position has no host: all is rolled back.
          const nobody = null as unknown as string
          await expect(knowing.store(events.slice(cut), { host: nobody })).rejects.toThrow()
          await knowing.store(events.slice(cut))
          const asking = await begin(both.asking)
          for (const event of events) {
            await asking.store([event], { isCertain: false })
          }
          expect(await withoutStrangers(both.knowing)).toEqual(await withoutStrangers(both.asking))
        }),
        { numRuns: runs(40) },
      )
    })

    test('is not relied on until it has been read again', async () => {
      await using both = await openBoth(engine.open)
      const [first, second] = [await begin(both.knowing), await begin(both.knowing)]
      const key = { did: did(0), rkey: tid(NOW - 9), timeUs: NOW - 9 }
      const create = writeRecord('create', POST, key, { tags: ['art'] })
      const other = writeRecord('create', POST, { ...key, rkey: tid(NOW - 8) }, { tags: ['art'] })
      await second.store([create])
      await second.store([deleteRecord(POST, { ...key, rev: tid(NOW - 7) })])
      await first.store([other], { isForgetful: true })
      await first.store([create], { isForgetful: true })
      const { posts, traces } = await contents(both.knowing)
      expect([posts.map((row) => row.rkey), traces.map((row) => row.rkey)]).toEqual([
        [tid(NOW - 8)],
        [tid(NOW - 9)],
      ])
    })

    test('is not relied on when nobody knows whether a batch was committed', async () => {
      await using database = await engine.open()
      const { writer } = database
      await registerFilters(writer, [filterOf({ anyTags: ['art'] })], NOW)
      let isAnswered = true
      const transaction: WriteDatabase['transaction'] = async (work, mode) => {
        const result = await writer.transaction(work, mode)
        if (!isAnswered) {
          throw new Error('no answer to the commit')
        }
        return result
      }
      const { memory, store } = createStore({ ...writer, transaction })
      await memory.load(NOW)
      const put: Operation = {
        ...{ kind: 'putPost', did: did(0), rkey: tid(NOW - 9), rev: tid(NOW - 9), cid: 'bafypost' },
        ...{ indexedAt: NOW - 9, timeUs: NOW - 9 },
        facts: { tags: ['art'], media: 0, languages: [], labels: [] },
      }
      const target = { store, pinned: [], windowUs: WINDOW_US }
      memory.note(put)
      const batch = { ops: [put], position: undefined, lastEventUs: undefined }
      isAnswered = false
      await expect(storeBatch(target, batch, NOW)).rejects.toThrow('no answer')
      isAnswered = true
      await storeBatch(target, batch, NOW)
      expect(await contents(database)).toMatchObject({ posts: [{}], tags: [{}] })
    })

    test('is not relied on after another process has pruned', async () => {
      await using both = await openBoth(engine.open)
      const [first, second] = [await begin(both.knowing), await begin(both.knowing)]
      const author = { did: did(0), rkey: tid(NOW - 9), timeUs: NOW - 9 }
      const own = { did: did(1), rkey: tid(NOW - 5), timeUs: NOW - 5 }
      const like = (timeUs: number) =>
        writeRecord(
          'create',
          MARKS[0],
          { ...own, rkey: tid(timeUs), timeUs },
          {
            subject: { uri: subjectOf(0, author.rkey), cid: 'bafysubject' },
          },
        )
      const unlike = (timeUs: number, rev: number) =>
        deleteRecord(MARKS[0], { ...own, rkey: tid(timeUs), timeUs: rev, rev: tid(rev) })
      await first.store([writeRecord('create', POST, author, { tags: ['art'] })])
      await first.store([like(NOW - 5)])
      await first.store([unlike(NOW - 5, NOW - 4)])
      // The account has nothing any more, and its row goes.
      await second.pruneAll()
      await first.store([like(NOW - 3)])
      expect(await contents(both.knowing)).toMatchObject({ counts: [{ likes: 1 }] })
      const third = await begin(both.knowing)
      await third.store([unlike(NOW - 3, NOW - 2)])
      expect(await contents(both.knowing)).toMatchObject({ counts: [], engagements: [] })
    })

    test('includes what is remembered of a pinned post that was never stored', async () => {
      await using both = await openBoth(engine.open)
      const pin = { did: did(0), rkey: tid(NOW - 9) }
      const { store } = await begin(both.knowing, [pin])
      const news = { did: pin.did, timeUs: NOW - 8, seq: 1 }
      await store([accountEvent({ ...news, active: false, status: 'deleted' })])
      await store([accountEvent({ ...news, timeUs: NOW - 7, seq: 2 })])
      const put = { ...pin, timeUs: NOW - 6, rev: tid(NOW - 6) }
      await store([writeRecord('create', POST, put, { tags: ['art'] })])
      expect(await contents(both.knowing)).toMatchObject({ posts: [{}], traces: [], tags: [{}] })
    })

    test('shows that a second create has moved a like away', async () => {
      await using both = await openBoth(engine.open)
      const { store } = await begin(both.knowing)
      const key = { did: did(1), rkey: tid(NOW - 5) }
      const like = (timeUs: number, uri: string): JetstreamEvent =>
        writeRecord(
          'create',
          MARKS[0],
          { ...key, timeUs, rev: tid(timeUs) },
          {
            subject: { uri, cid: 'bafysubject' },
          },
        )
      const own = { did: did(0), rkey: tid(NOW - 9), timeUs: NOW - 9 }
      await store([writeRecord('create', POST, own, { tags: ['art'] })])
      await store([like(NOW - 5, subjectOf(0, tid(NOW - 9)))])
      expect(await contents(both.knowing)).toMatchObject({ counts: [{ likes: 1 }] })
      await store([like(NOW - 4, subjectOf(9, tid(NOW - 99)))])
      expect(await contents(both.knowing)).toMatchObject({ counts: [], engagements: [] })
      await store([like(NOW - 5, subjectOf(0, tid(NOW - 9)))])
      expect(await contents(both.knowing)).toMatchObject({ counts: [], engagements: [] })
    })
  },
)
