import { resolve } from 'node:path'
import { ConfigError, describeError } from '../errors.ts'
import type { Database } from './database.ts'
import { openSqlite } from './sqlite.ts'

const PREFIX = 'sqlite:'

/**
 * The one connection that writes; makes the database when there is none.
 * @throws ConfigError when there is no database at that place, and none can be made
 */
export function openWriter(databaseUrl: string, busyTimeoutMs?: number): Database {
  return open(databaseUrl, false, busyTimeoutMs)
}

/** A connection that can only read; the database has to be there. */
export function openReader(databaseUrl: string): Database {
  return open(databaseUrl, true)
}

function open(databaseUrl: string, readonly: boolean, busyTimeoutMs?: number): Database {
  if (!databaseUrl.startsWith(PREFIX)) {
    throw new ConfigError([
      'FEEDGEN_DATABASE_URL names a Postgres database, which this version cannot use: ' +
        'give sqlite:PATH, for example sqlite:data/tagfeed.db',
    ])
  }
  const path = resolve(databaseUrl.slice(PREFIX.length))
  try {
    return openSqlite({ path, readonly, ...(busyTimeoutMs !== undefined && { busyTimeoutMs }) })
  } catch (error) {
    throw new ConfigError(
      [
        `FEEDGEN_DATABASE_URL: the database ${path} cannot be opened (${describeError(error)}): ` +
          'name a file that is a database of tagfeed, or a new one in a folder that can be written to',
      ],
      { cause: error },
    )
  }
}
