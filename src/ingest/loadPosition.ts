import type { Database } from '../db/database.ts'
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
