import type { Database } from '../db/database.ts'
import type { Us } from '../time.ts'
import type { Position } from './rowOps.ts'

/** The committed position; undefined before the first batch. */
export async function loadPosition(database: Database): Promise<Position | undefined> {
  const row = await database.kysely
    .selectFrom('ingest_position')
    .select(['time_us', 'host', 'disorder_us'])
    .executeTakeFirst()
  return row === undefined
    ? undefined
    : { timeUs: row.time_us, host: row.host, disorderUs: row.disorder_us }
}

/**
 * Where the stream is read from until something is committed. It is noted at the very first start: a
 * process that dies before its first commit must not let its successor begin later than it did.
 */
export async function loadStart(
  database: Database,
  firstUs: Us,
): Promise<{ startUs: Us; isFirst: boolean }> {
  const inserted = await database.kysely
    .insertInto('ingest_start')
    .values({ id: 1, start_us: Math.round(firstUs) })
    .onConflict((conflict) => conflict.doNothing())
    .returning('start_us')
    .executeTakeFirst()
  if (inserted !== undefined) {
    return { startUs: inserted.start_us, isFirst: true }
  }
  const row = await database.kysely
    .selectFrom('ingest_start')
    .select('start_us')
    .executeTakeFirstOrThrow()
  return { startUs: row.start_us, isFirst: false }
}
