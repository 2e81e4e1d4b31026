import { ConfigError, describeError } from '../../errors.ts'
import type { WriteDatabase } from '../database.ts'
import { codeOf } from '../databaseErrors.ts'
import { placeOf } from './databaseState.ts'

/** What an operator can do about a migration that has failed, in plain words; else the error as it is. */
export async function explainMigration(database: WriteDatabase, error: unknown): Promise<unknown> {
  const code = codeOf(error) ?? ''
  if (code === 'SQLITE_FULL') {
    const { name } = await placeOf(database)
    return new Error(
      `${name} cannot grow, as the disk is full: free some space and start again; nothing is lost`,
      { cause: error },
    )
  }
  if (code === '42501' || code === '3F000') {
    return new ConfigError(
      [
        'FEEDGEN_DATABASE_URL: the Postgres user may not make or use tables there ' +
          `(${describeError(error)}): make it the owner of the database, or grant it all on the ` +
          'schema and its tables',
      ],
      { cause: error },
    )
  }
  return error
}
