import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PostEvent } from '../../src/activity/activityEvent.ts'
import { prepareActivityReading } from '../../src/activity/activityStatements.ts'
import { readActivity } from '../../src/activity/readActivity.ts'
import type { ActivityQuery } from '../../src/activity/readActivity.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { moveAccounts } from '../support/moveAccounts.ts'

const NOW = 1_800_000_000_000_000
const KINDS = ['create', 'update', 'delete'] as const

const query = (more: Partial<ActivityQuery> = {}): ActivityQuery => ({
  tags: ['art'],
  match: 'any',
  kinds: KINDS,
  limit: 20,
  cursor: undefined,
  untilUs: undefined,
  ...more,
})

async function openStore(database: TestDatabase) {
  const { writer, reader } = database
  const store = createRecordStore(writer)
  const target = { store, pinned: [], windowUs: 0 }
  const statements = prepareActivityReading(reader)
  let rev = 0
  let timeUs = NOW - 1_000_000
  const send = async (...ops: Operation[]): Promise<void> => {
    timeUs += 1_000
    const position = { timeUs, host: 'test', disorderUs: 0 }
    await storeBatch(target, { ops, position, lastEventUs: timeUs }, NOW)
    await moveAccounts(store, NOW)
  }
  const put = (rkey: string, tags: readonly string[], did = 'did:plc:a'): Operation => {
    rev += 1
    return {
      kind: 'putPost',
      ...{ did, rkey, rev: `3${String(rev).padStart(6, '0')}`, cid: `cid${rev}` },
      ...{ indexedAt: NOW - 1, timeUs },
      facts: tags.length === 0 ? undefined : { tags, media: 0, languages: [], labels: [] },
    }
  }
  const drop = (rkey: string, did = 'did:plc:a'): Operation => {
    rev += 1
    return { kind: 'deletePost', did, rkey, rev: `3${String(rev).padStart(6, '0')}` }
  }
  const account = (active: boolean, status?: string, did = 'did:plc:a'): Operation => ({
    kind: 'setAccount',
    ...{ did, active, status, timeUs, toldUs: timeUs, time: timeUs },
  })
  const read = (more: Partial<ActivityQuery> = {}) => readActivity(statements, query(more))
  const walk = async (more: Partial<ActivityQuery>, limits: readonly number[]) => {
    const pages: (readonly PostEvent[])[] = []
    let cursor: string | undefined
    for (let page = 0; page === 0 || cursor !== undefined; page += 1) {
      const limit = limits[page % limits.length] ?? 20
      const answer = await read({ ...more, limit, cursor })
      expect(answer.events.length).toBeLessThanOrEqual(limit)
      pages.push(answer.events)
      ;({ cursor } = answer)
    }
    return pages
  }
  return { send, put, drop, account, read, walk }
}

const told = (events: readonly PostEvent[]): string[] =>
  events.map(({ kind, uri, tags }) => `${kind} ${uri.split('/').at(-1) ?? ''} ${tags.join()}`)

describe.each(engines)('getActivity on $name', { timeout: 60_000 }, ({ open }) => {
  test('an activity feed of 50 posts of which every fourth is updated, page by page', async () => {
    await using database = await open()
    const { send, put, walk } = await openStore(database)
    for (let post = 0; post < 50; post += 1) {
      await send(put(`r${post}`, ['art']))
      if (post % 4 === 0) {
        await send(put(`r${post}`, ['art', 'ink']))
      }
    }
    const pages = await walk({}, [25, 15, 10, 13])
    expect(pages.map(({ length }) => length)).toEqual([25, 15, 10, 13])
    const seqs = pages.flat().map(({ seq }) => seq)
    expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => b - a))
    for (let post = 0; post < 50; post += 4) {
      const own = pages.flat().filter(({ uri }) => uri.endsWith(`/r${post}`))
      expect(told(own)).toEqual([`update r${post} art,ink`, `create r${post} art`])
    }
  })

  test('shows a post that enters and leaves a tag, and what became of it', async () => {
    await using database = await open()
    const { send, put, drop, read } = await openStore(database)
    await send(put('r1', ['cats']), put('r1', ['art']), put('r1', ['cats']), put('r1', []))
    await send(put('r1', ['art']), drop('r1'), put('r1', ['dogs']))
    const art = (await read()).events
    expect(told(art)).toEqual(['delete r1 art', 'create r1 art', 'update r1 cats', 'update r1 art'])
    expect(art.map(({ cid }) => cid)).toEqual([undefined, 'cid5', 'cid3', 'cid2'])
    expect(told((await read({ kinds: ['delete'], tags: ['cats'] })).events)).toEqual([
      'delete r1 cats',
    ])
  })

  test('matches all tags as they were before or after, not together', async () => {
    await using database = await open()
    const { send, put, read } = await openStore(database)
    await send(put('r1', ['art', 'ink']), put('r1', ['art', 'cats']), put('r2', ['art']))
    const both = { match: 'all' } as const
    expect(told((await read({ ...both, tags: ['ink', 'art'] })).events)).toEqual([
      'update r1 art,cats',
      'create r1 art,ink',
    ])
    expect((await read({ ...both, tags: ['ink', 'cats'] })).events).toEqual([])
    expect(told((await read({ tags: ['ink', 'cats'] })).events)).toHaveLength(2)
  })

  test('hides what a hidden account did, shows it again, and forgets what an erased one did', async () => {
    await using database = await open()
    const { send, put, drop, account, read } = await openStore(database)
    await send(put('r1', ['art']), put('r2', ['art']), drop('r2'), put('r3', ['art'], 'did:plc:b'))
    const all = told((await read()).events)
    await send(account(false, 'deactivated'))
    expect(told((await read()).events)).toEqual(['create r3 art'])
    await send(account(true))
    expect(told((await read()).events)).toEqual(all)
    await send(account(false, 'deleted'))
    const left = ['delete r1 art', 'create r3 art', 'delete r2 art']
    expect(told((await read()).events)).toEqual(left)
    await send(account(true))
    expect(told((await read()).events)).toEqual(left)
    await send(put('r4', ['art']))
    expect(told((await read()).events)).toEqual(['create r4 art', ...left])
  })

  test('reads what was before a moment, and refuses the cursor of another query', async () => {
    await using database = await open()
    const { send, put, read, walk } = await openStore(database)
    for (let post = 0; post < 9; post += 1) {
      await send(put(`r${post}`, ['art']))
    }
    const all = (await read()).events
    for (const { atUs } of all) {
      const untilUs = atUs
      const expected = all.filter((event) => event.atUs < untilUs)
      expect((await walk({ untilUs }, [2])).flat()).toEqual(expected)
    }
    const { cursor } = await read({ limit: 2 })
    expect((await read({ limit: 3, cursor })).events).toEqual(all.slice(2, 5))
    for (const other of [{ tags: ['cats'] }, { match: 'all' }, { untilUs: NOW }] as const) {
      await expect(read({ ...other, cursor })).rejects.toThrow('cursor')
    }
    await expect(read({ cursor: `${cursor ?? ''}0` })).rejects.toThrow('cursor')
  })

  test('together its pages are all events once, for any tags, kinds and limits', async () => {
    await using database = await open()
    const { send, put, drop, read, walk } = await openStore(database)
    const names = ['art', 'cats', 'ink', 'dogs']
    for (let step = 0; step < 120; step += 1) {
      const tags = names.filter((_, index) => (step * 7) % (index + 2) === 0)
      await send(step % 9 === 5 ? drop(`r${step % 13}`) : put(`r${step % 13}`, tags))
    }
    const every = (await walk({ tags: names }, [50])).flat()
    await fc.assert(
      fc.asyncProperty(
        fc.subarray(names, { minLength: 1 }),
        fc.constantFrom('any' as const, 'all' as const),
        fc.subarray([...KINDS], { minLength: 1 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 }),
        async (tags, match, kinds, limits) => {
          const has = (set: readonly string[] | undefined): boolean =>
            set !== undefined &&
            (match === 'any'
              ? tags.some((t) => set.includes(t))
              : tags.every((t) => set.includes(t)))
          const expected = every.filter(
            (event) => kinds.includes(event.kind) && (has(event.tags) || has(event.tagsBefore)),
          )
          const pages = await walk({ tags, match, kinds }, limits)
          expect(pages.flat()).toEqual(expected)
          expect(pages.every(({ length }) => length > 0) || expected.length === 0).toBe(true)
          expect((await read({ tags, match, kinds, limit: 50 })).events).toEqual(
            expected.slice(0, 50),
          )
        },
      ),
      { numRuns: 40 },
    )
  })
})
