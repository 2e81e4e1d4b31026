import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { registerFilters } from '../../src/posts/filters.ts'
import { loadPosition } from '../../src/status/loadPosition.ts'
import { US_PER_HOUR } from '../../src/time.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { filterOf } from '../support/definitions.ts'
import { moveAccounts } from '../support/moveAccounts.ts'
import { contents } from '../support/storeContents.ts'

const NOW = 1_800_000_000_000_000
const ART = filterOf({ anyTags: ['art'], noneTags: ['nsfw'] })

const accounts = ['did:plc:a', 'did:plc:b']
const rkeys = ['r1', 'r2', 'r3']
const revs = Array.from({ length: 25 }, (_, index) => `3${String.fromCharCode(97 + index)}`)

const postOp = fc.record({
  kind: fc.constant('putPost' as const),
  did: fc.constantFrom(...accounts),
  rkey: fc.constantFrom(...rkeys),
  rev: fc.constantFrom(...revs),
  cid: fc.constantFrom('c1', 'c2'),
  indexedAt: fc.constantFrom(NOW - 3, NOW - 2, NOW - 1),
  timeUs: fc.nat(6),
  facts: fc.option(
    fc.record({
      tags: fc.uniqueArray(fc.constantFrom('art', 'cats', 'nsfw'), { minLength: 1 }),
      media: fc.constantFrom(0, 1),
      languages: fc.constant(['en']),
      labels: fc.constant([]),
    }),
    { nil: undefined },
  ),
})
const deleteOp = fc.record({
  kind: fc.constant('deletePost' as const),
  did: fc.constantFrom(...accounts),
  rkey: fc.constantFrom(...rkeys),
  rev: fc.constantFrom(...revs),
})
const accountOp = fc.record({
  kind: fc.constant('setAccount' as const),
  did: fc.constantFrom(...accounts),
  active: fc.boolean(),
  status: fc.constantFrom(undefined, 'takendown', 'deleted'),
  timeUs: fc.nat(6),
  toldUs: fc.nat(6),
  time: fc.nat(6),
})
const streams = fc.array(
  fc.oneof({ weight: 6, arbitrary: postOp }, { weight: 2, arbitrary: deleteOp }, accountOp),
  { maxLength: 25 },
)

async function openStore(database: TestDatabase) {
  await registerFilters(database.writer, [ART], NOW)
  const store = createRecordStore(database.writer)
  const target = { store, pinned: [], windowUs: 72 * US_PER_HOUR }
  return async (ops: readonly Operation[], timeUs = 1, isMoved = true): Promise<void> => {
    const position = { timeUs, host: 'test', disorderUs: 0 }
    await storeBatch(target, { ops, position, lastEventUs: timeUs }, NOW)
    if (isMoved) {
      await moveAccounts(store, NOW)
    }
  }
}

describe.each(engines)('storeBatch on $name', { timeout: 120_000 }, ({ open }) => {
  test('does the same in one batch, in several, and one by one', async () => {
    await fc.assert(
      fc.asyncProperty(streams, fc.nat(25), async (ops, cut) => {
        await using whole = await open()
        await using halves = await open()
        await using single = await open()
        await (
          await openStore(whole)
        )(ops)
        const storeHalf = await openStore(halves)
        await storeHalf(ops.slice(0, cut))
        await storeHalf(ops.slice(cut))
        const storeOne = await openStore(single)
        for (const op of ops) {
          await storeOne([op])
        }
        const expected = await contents(single)
        expect(await contents(whole)).toEqual(expected)
        expect(await contents(halves)).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })

  test('changes nothing when the same stream comes twice, or again from somewhere', async () => {
    // A replay repeats a stream in which each record's revisions rise, as a server sends it.
    const ordered = streams.map((ops) =>
      ops
        .map((op, index) => ({ ...op, timeUs: index, rev: `3${String(index).padStart(3, '0')}` }))
        .map((op, index) =>
          op.kind === 'setAccount' ? { ...op, time: index, toldUs: index } : op,
        ),
    )
    await fc.assert(
      fc.asyncProperty(ordered, fc.nat(25), async (ops, from) => {
        await using database = await open()
        const store = await openStore(database)
        await store(ops)
        const once = await contents(database)
        await store(ops.slice(from))
        expect(await contents(database)).toEqual(once)
        await store(ops)
        expect(await contents(database)).toEqual(once)
      }),
      { numRuns: 50 },
    )
  })

  test('derives exactly the rows of visible posts with tags', async () => {
    await fc.assert(
      fc.asyncProperty(streams, async (ops) => {
        await using database = await open()
        await (
          await openStore(database)
        )(ops)
        const db = database.reader.kysely
        const visible = await db
          .selectFrom('post')
          .innerJoin('account', 'account.id', 'post.account_id')
          .select(['did', 'rkey', 'tags'])
          .where('active', '=', 1)
          .execute()
        const expected = visible.flatMap(({ did, rkey, tags }) =>
          (JSON.parse(tags) as string[]).map(
            (tag) => `${tag} at://${did}/app.bsky.feed.post/${rkey}`,
          ),
        )
        const rows = await db.selectFrom('post_tag').select(['tag', 'uri']).execute()
        expect(rows.map(({ tag, uri }) => `${tag} ${uri}`).sort()).toEqual(expected.sort())
        const members = await db.selectFrom('filter_post').select('uri').execute()
        const matching = visible.filter(
          ({ tags }) => tags.includes('"art"') && !tags.includes('"nsfw"'),
        )
        expect(members).toHaveLength(matching.length)
      }),
      { numRuns: 50 },
    )
  })

  test('writes rows and position together, or neither', async () => {
    await using database = await open()
    const store = await openStore(database)
    await store([], 5)
    const bad = { kind: 'putPost', did: 'did:plc:a', rkey: 'r', rev: '3a', cid: null } as const
    const facts = { tags: ['art'], media: 0, languages: [], labels: [] }
    const ops = [{ ...bad, cid: bad.cid as unknown as string, indexedAt: 1, timeUs: 1, facts }]
    await expect(store(ops, 9)).rejects.toThrow()
    expect(await loadPosition(database.reader)).toMatchObject({ timeUs: 5 })
    expect(await database.reader.kysely.selectFrom('account').selectAll().execute()).toEqual([])
  })

  test('never moves the position back', async () => {
    await using database = await open()
    const store = await openStore(database)
    await store([], 9)
    await store([], 5)
    expect(await loadPosition(database.reader)).toMatchObject({ timeUs: 9 })
  })

  test('keeps the host that the position came from: another one replays its past first', async () => {
    await using database = await open()
    const store = createRecordStore(database.writer)
    const read = (timeUs: number, host: string, disorderUs: number): Promise<void> =>
      storeBatch(
        { store, pinned: [], windowUs: 72 * US_PER_HOUR },
        { ops: [], position: { timeUs, host, disorderUs }, lastEventUs: timeUs },
        NOW,
      )
    await read(9, 'a.test', 3)
    await read(5, 'b.test', 0)
    expect(await loadPosition(database.reader)).toMatchObject({
      timeUs: 9,
      host: 'a.test',
      disorderUs: 3,
      committedUs: NOW,
    })
    await read(10, 'b.test', 1)
    expect(await loadPosition(database.reader)).toMatchObject({
      timeUs: 10,
      host: 'b.test',
      disorderUs: 1,
    })
  })

  test('stores the disorder of the stream also while the position stands still', async () => {
    await using database = await open()
    const store = createRecordStore(database.writer)
    const target = { store, pinned: [], windowUs: 72 * US_PER_HOUR }
    const read = (disorderUs: number, nowUs: number): Promise<void> => {
      const position = { timeUs: 9, host: 'a.test', disorderUs }
      return storeBatch(target, { ops: [], position, lastEventUs: undefined }, nowUs)
    }
    await read(1, NOW)
    await read(5, NOW + 1)
    expect(await loadPosition(database.reader)).toMatchObject({
      disorderUs: 5,
      // Our clock when the position moved: what came after that proves nothing of what was before.
      committedUs: NOW,
    })
    // A connection that begins anew does not know what the one before it has seen.
    await read(0, NOW + 2)
    expect(await loadPosition(database.reader)).toMatchObject({
      disorderUs: 5,
      committedUs: NOW,
    })
  })

  test('counts as lag only what is new', async () => {
    await using database = await open()
    const store = createRecordStore(database.writer)
    const target = { store, pinned: [], windowUs: 72 * US_PER_HOUR }
    const position = { timeUs: NOW - 5_000, host: 'a.test', disorderUs: 0 }
    await storeBatch(target, { ops: [], position, lastEventUs: NOW - 5_000 }, NOW)
    await storeBatch(target, { ops: [], position, lastEventUs: undefined }, NOW + US_PER_HOUR)
    expect(await loadPosition(database.reader)).toMatchObject({ lagMs: 5 })
  })

  test('erases what one batch has before a deletion, at the very same time, and nothing after it', async () => {
    await using database = await open()
    const store = await openStore(database)
    const facts = { tags: ['art'], media: 0, languages: ['en'], labels: [] }
    const own = { did: 'did:plc:a', timeUs: 1 }
    const post = (rkey: string): Operation => {
      const first = { cid: `c${rkey}`, indexedAt: NOW - 1, facts }
      return { kind: 'putPost', ...own, rkey, rev: '3a', ...first }
    }
    const told = { kind: 'setAccount', ...own, toldUs: 1 } as const
    await store([
      post('before'),
      { ...told, active: false, status: 'deleted', time: 1 },
      { ...told, active: true, status: undefined, toldUs: 2, time: 2 },
      post('after'),
    ])
    const left = await database.reader.kysely.selectFrom('filter_post').select('uri').execute()
    expect(left.map(({ uri }) => uri.split('/').at(-1))).toEqual(['after'])
  })

  test('remembers that a pinned post is gone with its account, though it was never kept', async () => {
    await using database = await open()
    const store = createRecordStore(database.writer)
    // By two feeds.
    const pinned = [
      { did: 'did:plc:a', rkey: 'r9' },
      { did: 'did:plc:a', rkey: 'r9' },
    ]
    const erase: Operation = {
      kind: 'setAccount',
      did: 'did:plc:a',
      active: false,
      status: 'deleted',
      timeUs: 1,
      toldUs: 1,
      time: 1,
    }
    await storeBatch(
      { store, pinned, windowUs: 72 * US_PER_HOUR },
      { ops: [erase], position: undefined, lastEventUs: undefined },
      NOW,
    )
    const traces = await database.reader.kysely.selectFrom('record_trace').selectAll().execute()
    expect(traces).toMatchObject([{ rkey: 'r9', did: 'did:plc:a', fate: 1 }])
  })

  test.each([
    ['read all along, stays: it is new', 0, 1],
    ['not read before, is taken for older', 900_000_000, 0],
  ])(
    'what an account posts by a clock that is behind that of its deletion, in a stream that was %s',
    async (_, coveredSinceUs, posts) => {
      await using database = await open()
      const store = createRecordStore(database.writer)
      const who = { did: 'did:plc:a', timeUs: 1_000_000_000 }
      const put = (rkey: string, rev: string, timeUs: number): Operation => {
        const facts = { tags: ['art'], media: 0, languages: [], labels: [] }
        return { kind: 'putPost', ...who, rkey, rev, timeUs, cid: 'bafy1111', indexedAt: 1, facts }
      }
      const erase = { kind: 'setAccount', ...who, active: false, status: 'deleted' } as const
      const back = { kind: 'setAccount', ...who, active: true, status: undefined } as const
      const ops: Operation[] = [
        put('r1', '3a', 900_000_000),
        { ...erase, toldUs: who.timeUs, time: 1 },
        { ...back, toldUs: who.timeUs + 1, time: 2 },
        put('r1', '3b', who.timeUs - 58_000_000),
      ]
      for (const op of ops) {
        await storeBatch(
          {
            ...{ store, pinned: [], windowUs: 72 * US_PER_HOUR },
            coveredSinceUs: () => coveredSinceUs,
          },
          { ops: [op], position: undefined, lastEventUs: undefined },
          NOW,
        )
      }
      const rows = await database.reader.kysely.selectFrom('post_tag').selectAll().execute()
      expect(rows).toHaveLength(posts)
    },
  )
})
