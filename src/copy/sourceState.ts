import type { ReadDatabase } from '../db/database.ts'
import { readSequences } from '../db/sequences.ts'
import { LARGE_TABLES } from './copiedTables.ts'

/**
 * A text that is another one when rows of the large tables may have changed: batches change the
 * position, chores of ingest its status, a new or changed feed the filters. What it does not catch, such
 * as half of a filter's building, the verification finds.
 */
export async function readSourceState(source: ReadDatabase): Promise<string> {
  const { kysely } = source
  const sequences = await readSequences(source)
  return JSON.stringify({
    position: await kysely.selectFrom('ingest_position').selectAll().execute(),
    told: await kysely.selectFrom('ingest_status').select('told_us').execute(),
    // Not when they were last used: serving touches that.
    filters: await kysely
      .selectFrom('filter')
      .select(['id', 'hash', 'ready'])
      .orderBy('id')
      .execute(),
    // By name: a version that has other tables copies anew.
    ids: LARGE_TABLES.map(({ name }) => [name, sequences.get(name) ?? 0]),
  })
}
