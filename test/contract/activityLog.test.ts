import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { UNTOLD_ACCOUNT, changeOf, foldAccount } from '../../src/ingest/store/foldAccount.ts'
import type { AccountState } from '../../src/ingest/store/foldAccount.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { Pruner } from '../../src/ingest/upkeep/pruner.ts'
import { silentLogger } from '../../src/logger.ts'
import { ACTIVITY, wordOf } from '../../src/posts/storedCodes.ts'
import { ACCOUNTS_KEY } from '../../src/posts/tagKey.ts'
import { US_PER_DAY, US_PER_HOUR } from '../../src/time.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { moveAccounts } from '../support/moveAccounts.ts'

const NOW = 1_800_000_000_000_000
const accounts = ['did:plc:a', 'did:plc:b']
const rkeys = ['r1', 'r2', 'r3']
const revs = Array.from({ length: 25 }, (_, index) => `3${String.fromCharCode(97 + index)}`)

const facts = (...tags: string[]) => ({ tags, media: 0, languages: [], labels: [] })
const postOp = fc.record({
  kind: fc.constant('putPost' as const),
  did: fc.constantFrom(...accounts),
  rkey: fc.constantFrom(...rkeys),
  rev: fc.constantFrom(...revs),
  cid: fc.constantFrom('c1', 'c2'),
  indexedAt: fc.constantFrom(NOW - 3, NOW - 2, NOW - 1),
  timeUs: fc.nat(6),
  facts: fc.option(
    fc
      .uniqueArray(fc.constantFrom('art', 'cats', 'nsfw'), { minLength: 1 })
      .map((tags) => facts(...tags)),
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
  const { writer } = database
  const store = createRecordStore(writer)
  const target = { store, pinned: [], windowUs: 72 * US_PER_HOUR }
  let timeUs = 0
  const send = async (ops: readonly Operation[], atUs = (timeUs += 1)): Promise<void> => {
    const position = { timeUs: atUs, host: 'test', disorderUs: 0 }
    await storeBatch(target, { ops, position, lastEventUs: atUs }, NOW)
    await moveAccounts(store, NOW)
  }
  return { store, send }
}

interface Told {
  readonly kind: string
  readonly key: string
  readonly cid: string | null
  readonly tags: readonly string[]
  readonly before: readonly string[] | null
}

/** The log by record, and by account: where things of several records come is left open. */
async function readLog({ reader }: TestDatabase) {
  const rows = await reader.kysely
    .selectFrom('activity')
    .innerJoin('account', 'account.id', 'activity.account_id')
    .selectAll('activity')
    .select('account.did')
    .orderBy('seq')
    .execute()
  const tagRows = await reader.kysely.selectFrom('activity_tag').selectAll().execute()
  const told = new Map<string, Told[]>()
  for (const { kind, did, rkey, cid, tags, tags_before, active, status } of rows) {
    const key = rkey === null ? did : `${did}/${rkey}`
    const word = wordOf(ACTIVITY, kind) ?? ''
    told.set(key, [
      ...(told.get(key) ?? []),
      {
        kind: word === 'account' ? `${word} ${String(active)} ${status ?? ''}` : word,
        key,
        cid,
        tags: JSON.parse(tags ?? '[]') as string[],
        before: tags_before === null ? null : (JSON.parse(tags_before) as string[]),
      },
    ])
  }
  const derived = rows.flatMap(({ seq, kind, tags, tags_before }) =>
    [
      ...new Set([
        ...(kind === ACTIVITY.account ? [ACCOUNTS_KEY] : []),
        ...(JSON.parse(tags ?? '[]') as string[]),
        ...(JSON.parse(tags_before ?? '[]') as string[]),
      ]),
    ].map((tag) => `${tag} ${kind} ${seq}`),
  )
  expect(tagRows.map(({ tag, kind, seq }) => `${tag} ${kind} ${seq}`).toSorted()).toEqual(
    derived.toSorted(),
  )
  expect(rows.map(({ at_us }) => at_us)).toEqual(rows.map(({ at_us }) => at_us).toSorted(compare))
  return told
}

const compare = (a: number, b: number): number => a - b

interface ModelRecord {
  readonly rev: string
  readonly isKept: boolean
  readonly tags: readonly string[] | undefined
}

/** The contract (section 9, `getActivity`), written down a second time, one operation after the other. */
function model(ops: readonly Operation[]): Map<string, Told[]> {
  const told = new Map<string, Told[]>()
  const records = new Map<string, ModelRecord>()
  const states = new Map<string, AccountState>()
  const hasPosts = new Set<string>()
  const tell = (event: Told): void => {
    told.set(event.key, [...(told.get(event.key) ?? []), event])
  }
  for (const op of ops) {
    const state = states.get(op.did) ?? UNTOLD_ACCOUNT
    if (op.kind === 'setAccount') {
      const after = foldAccount(state, op)
      if (after === undefined) {
        continue
      }
      states.set(op.did, after)
      const isChanged = after.active !== state.active || after.status !== state.status
      if (isChanged && hasPosts.has(op.did)) {
        const kind = `account ${after.active ? 1 : 0} ${after.status ?? ''}`
        tell({ kind, key: op.did, cid: null, tags: [], before: null })
      }
      if (changeOf(state, op) === 'erase') {
        for (const [key, list] of told) {
          if (key.startsWith(`${op.did}/`)) {
            told.set(
              key,
              list.filter(({ kind }) => kind === 'delete'),
            )
          }
        }
        for (const [key, record] of records) {
          if (key.startsWith(`${op.did}/`) && record.isKept) {
            records.set(key, { rev: record.rev, isKept: false, tags: undefined })
            if (record.tags !== undefined) {
              tell({ kind: 'delete', key, cid: null, tags: record.tags, before: null })
            }
          }
        }
      }
      continue
    }
    if (op.kind !== 'putPost' && op.kind !== 'deletePost') {
      continue
    }
    const key = `${op.did}/${op.rkey}`
    const record = records.get(key)
    const isGone =
      op.kind === 'deletePost' || (op.facts !== undefined && op.timeUs < state.erasedUs)
    if (record !== undefined && (isGone ? record.rev > op.rev : record.rev >= op.rev)) {
      continue
    }
    const tags = isGone ? undefined : op.facts?.tags
    const isKept = !isGone && (record?.isKept === true || tags !== undefined)
    records.set(key, { rev: op.rev, isKept, tags })
    const before = record?.tags
    const cid = op.kind === 'putPost' ? op.cid : null
    if (tags !== undefined) {
      hasPosts.add(op.did)
      const isSame = JSON.stringify(before) === JSON.stringify(tags)
      tell(
        before === undefined
          ? { kind: 'create', key, cid, tags, before: null }
          : { kind: 'update', key, cid, tags, before: isSame ? null : before },
      )
    } else if (before !== undefined) {
      tell({ kind: 'delete', key, cid: null, tags: before, before: null })
    }
  }
  return new Map([...told].filter(([, list]) => list.length > 0))
}

const put = (rkey: string, rev: string, tags: string[], did = 'did:plc:a'): Operation => ({
  kind: 'putPost',
  ...{ did, rkey, rev, cid: `cid${rev}`, indexedAt: NOW - 1, timeUs: 5 },
  facts: tags.length === 0 ? undefined : facts(...tags),
})
const account = (active: boolean, status: string | undefined, timeUs: number): Operation => ({
  kind: 'setAccount',
  ...{ did: 'did:plc:a', active, status, timeUs, toldUs: timeUs, time: timeUs },
})

describe.each(engines)('the log of what happens on $name', { timeout: 120_000 }, ({ open }) => {
  test('is what the operations come to, in one batch, in several, and one by one', async () => {
    await fc.assert(
      fc.asyncProperty(streams, fc.nat(25), async (ops, cut) => {
        await using whole = await open()
        await using halves = await open()
        await using single = await open()
        await (await openStore(whole)).send(ops)
        const half = await openStore(halves)
        await half.send(ops.slice(0, cut))
        await half.send(ops.slice(cut))
        const one = await openStore(single)
        for (const op of ops) {
          await one.send([op])
        }
        const expected = model(ops)
        expect(await readLog(single)).toEqual(expected)
        expect(await readLog(halves)).toEqual(expected)
        expect(await readLog(whole)).toEqual(expected)
      }),
      { numRuns: 30 },
    )
  })

  test('gains nothing from a replay', async () => {
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
        const { send } = await openStore(database)
        await send(ops)
        const once = await readLog(database)
        await send(ops.slice(from))
        await send(ops)
        expect(await readLog(database)).toEqual(once)
      }),
      { numRuns: 25 },
    )
  })

  test('is numbered on after all of it is gone, and says up to where it was cut', async () => {
    await using database = await open()
    const { store, send } = await openStore(database)
    await send([put('r1', '3a', ['art']), put('r1', '3b', ['art'])], NOW)
    const time = { nowUs: NOW + 7 * US_PER_DAY + 1 }
    const pruner = new Pruner({
      ...{ database: database.writer, store, retentionDays: 30, windowUs: 0, pinned: [] },
      horizonUs: () => time.nowUs,
      logger: silentLogger(),
    })
    for (let turn = 0; turn < 100; turn += 1) {
      await pruner.stepIfDue((time.nowUs += 1_000_000))
    }
    expect(await readLog(database)).toEqual(new Map())
    const again = await openStore(database)
    await again.send([put('r1', '3c', ['art'])], NOW + 8 * US_PER_DAY)
    const rows = await database.reader.kysely.selectFrom('activity').select('seq').execute()
    expect(rows).toEqual([{ seq: 3 }])
    const log = await database.reader.kysely.selectFrom('activity_log').selectAll().execute()
    expect(log).toMatchObject([{ last_seq: 3, pruned_seq: 2 }])
  })

  test('loses creates and updates of an erased account, and keeps the account for that', async () => {
    await using database = await open()
    const { store, send } = await openStore(database)
    await send([put('r1', '3a', ['art']), put('r2', '3a', ['cats']), account(true, undefined, 1)])
    await send([{ kind: 'deletePost', did: 'did:plc:a', rkey: 'r1', rev: '3b' }])
    await send([{ kind: 'deletePost', did: 'did:plc:a', rkey: 'r2', rev: '3b' }])
    const time = { nowUs: NOW }
    const pruner = new Pruner({
      ...{ database: database.writer, store, retentionDays: 30, windowUs: 0, pinned: [] },
      horizonUs: () => 4 * US_PER_DAY,
      logger: silentLogger(),
    })
    for (let turn = 0; turn < 100; turn += 1) {
      await pruner.stepIfDue((time.nowUs += 10_000_000))
    }
    await send([account(false, 'deleted', 10 * US_PER_DAY)])
    expect(
      [...(await readLog(database))].map(([key, list]) => [key, list.map((e) => e.kind)]),
    ).toEqual([
      ['did:plc:a/r1', ['delete']],
      ['did:plc:a/r2', ['delete']],
      ['did:plc:a', ['account 0 deleted']],
    ])
  })
})
