import { ConfigError } from '../errors.ts'
import type { ReadDatabase } from './database.ts'
import { hasTable } from './upgrade/tables.ts'

/** Where a copy notes how far it has come; it is there until the copy is verified. */
export const COPY_TABLE = 'copy_progress'

/** @throws ConfigError when the database is an unfinished copy, which nobody may use */
export async function refuseUnfinishedCopy(database: ReadDatabase): Promise<void> {
  if (await hasTable(database, COPY_TABLE)) {
    throw new ConfigError([
      'FEEDGEN_DATABASE_URL: the database is an unfinished copy of another one: run copyDatabase again, ' +
        'with the same FROM and TO, and it goes on where it stopped',
    ])
  }
}
