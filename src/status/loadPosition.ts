import type { ReadDatabase, WriteDatabase } from '../db/database.ts'
import type { Us } from '../time.ts'
import type { CommittedPosition, Gap } from './position.ts'

export interface StoredPosition extends CommittedPosition {
  /** How far the last event was behind our clock when it was committed. */
  readonly lagMs: number
}

/** The committed position; undefined before the first batch. */
export async function loadPosition(database: ReadDatabase): Promise<StoredPosition | undefined> {
  const row = await database.kysely
    .selectFrom('ingest_position')
    .select(['time_us', 'host', 'disorder_us', 'committed_us', 'lag_ms'])
    .executeTakeFirst()
  return row === undefined
    ? undefined
    : {
        timeUs: row.time_us,
        host: row.host,
        disorderUs: row.disorder_us,
        committedUs: row.committed_us,
        lagMs: row.lag_ms,
      }
}

/** The gap that was noticed last. */
export async function loadGap(database: ReadDatabase): Promise<Gap | undefined> {
  const row = await database.kysely
    .selectFrom('ingest_gap')
    .select(['from_us', 'to_us', 'seen_us'])
    .orderBy('to_us', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row === undefined
    ? undefined
    : { fromUs: row.from_us, toUs: row.to_us, seenUs: row.seen_us }
}

/**
 * Where the stream is read from until something is committed. It is noted at the very first start: a
 * process that dies before its first commit must not let its successor begin later than it did.
 */
export async function loadStart(
  database: WriteDatabase,
  firstUs: Us,
): Promise<{ startUs: Us; isFirst: boolean }> {
  const startUs = Math.round(firstUs)
  // A clock that was ahead at the very first start must not let it begin later than one that is right.
  await database.kysely
    .updateTable('ingest_start')
    .set({ start_us: startUs })
    .where('start_us', '>', startUs)
    .execute()
  const inserted = await database.kysely
    .insertInto('ingest_start')
    .values({ id: 1, start_us: startUs })
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
