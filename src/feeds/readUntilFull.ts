import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Eventually } from '../db/eventually.ts'
import { throwIfAbandoned } from './feed.ts'
import type { PageRequest } from './feed.ts'

export interface FullReading<Row> {
  /** So many rows below a row, or below where the page begins; fewer only at the end. */
  readonly read: (after: Row | undefined, limit: number) => Eventually<readonly Row[]>
  readonly isKept: (row: Row) => boolean
  /** So many are to be kept. */
  readonly wanted: number
  readonly reader: PageRequest['reader']
}

/** What is left out of a page nearly always fits into this. */
const SPARE = 10
const MAX_STEP = 500

/** Reads on until so many rows are kept or there are no more: a page that leaves some out is full. */
export async function readUntilFull<Row>(options: FullReading<Row>): Promise<Row[]> {
  const { read, isKept, wanted, reader } = options
  const kept: Row[] = []
  let limit = wanted + SPARE
  let last: Row | undefined
  for (;;) {
    const rows = await read(last, limit)
    for (const row of rows) {
      if (kept.length < wanted && isKept(row)) {
        kept.push(row)
      }
    }
    if (kept.length >= wanted || rows.length < limit) {
      return kept
    }
    last = rows.at(-1)
    limit = Math.min(limit * 2, MAX_STEP)
    // Others have their turn while it goes on, and it ends when nobody waits for it.
    await nextTurn()
    throwIfAbandoned(reader)
  }
}
