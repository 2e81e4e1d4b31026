import { describe, expect, test } from 'vitest'
import { KnownRecords } from '../../src/ingest/memory/knownRecords.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { tid } from '../support/events.ts'

const NOW = 1_800_000_000_000_000
const key = (index: number): string => tid(NOW + index)

async function leaveTraces({ writer }: TestDatabase, keys: readonly string[]): Promise<void> {
  const row = { did: 'did:plc:a', collection: 1, rev: key(0), fate: 1, seen_us: NOW }
  const rows = keys.map((rkey) => ({ ...row, rkey }))
  await writer.kysely.insertInto('record_trace').values(rows).execute()
}

describe.each(engines)('the records known to be stored on $name', ({ open }) => {
  test('are those that are stored, and those that are said to be', async () => {
    await using database = await open()
    await leaveTraces(database, [key(1), key(2), '3own'])
    const known = new KnownRecords()
    await known.load(database.writer)
    expect([key(1), key(2), '3own', key(3)].map((rkey) => known.mayHave(rkey))).toEqual([
      true,
      true,
      true,
      false,
    ])
    expect([known.add(key(3)), known.add(key(3)), known.mayHave(key(3))]).toEqual([
      true,
      false,
      true,
    ])
  })

  test('cannot tell of keys that it has not loaded', async () => {
    await using database = await open()
    await leaveTraces(database, [key(1), key(2), key(3), key(4), 'self'])
    const known = new KnownRecords(2)
    await known.load(database.writer)
    // Neither the lowest that was loaded, since others may have it too, nor what lies below it.
    expect([key(0), key(1), key(2), key(3)].map((rkey) => known.mayHave(rkey))).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect([known.mayHave(key(4)), known.mayHave(key(5)), known.mayHave('self')]).toEqual([
      true,
      false,
      true,
    ])
    expect([known.add(key(0)), known.add('new'), known.add(key(6))]).toEqual([false, false, true])
  })

  test('cannot tell of any before it is loaded', () => {
    const known = new KnownRecords()
    expect([known.mayHave(key(1)), known.add(key(1))]).toEqual([true, false])
  })

  test('stays as it was when it cannot be loaded anew', async () => {
    await using database = await open()
    const known = KnownRecords.ofNothing()
    known.add(key(1))
    const prepare = () => {
      throw new Error('away')
    }
    await expect(known.load({ ...database.writer, prepare })).rejects.toThrow('away')
    expect([known.mayHave(key(1)), known.mayHave(key(2))]).toEqual([true, false])
  })
})
