import { resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import type { Database } from './database.ts'
import { openSqlite } from './sqlite.ts'

/** The file of a `sqlite:PATH` URL, absolute. */
function sqlitePath(databaseUrl: string): string {
  return resolve(databaseUrl.slice('sqlite:'.length))
}

/** The one connection that writes; makes the database when there is none. */
export function openWriter(databaseUrl: string): Database {
  return openSqlite({ path: pathOf(databaseUrl), readonly: false })
}

/** A connection that can only read; the database has to be there. */
export function openReader(databaseUrl: string): Database {
  return openSqlite({ path: pathOf(databaseUrl), readonly: true })
}

function pathOf(databaseUrl: string): string {
  if (!databaseUrl.startsWith('sqlite:')) {
    throw new ConfigError([
      'FEEDGEN_DATABASE_URL names a Postgres database, which this version cannot use: ' +
        'give sqlite:PATH, for example sqlite:data/tagfeed.db',
    ])
  }
  return sqlitePath(databaseUrl)
}
