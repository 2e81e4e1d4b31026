/** The databases of the services that tests start: the one place that knows on which engine. */
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import pg from 'pg'
import { createPostgresDatabase } from './databases.ts'

/** Set by the vitest project `e2e-postgres`. */
export const engine = process.env['TEST_ENGINE'] === 'postgres' ? 'postgres' : 'sqlite'

const databases = new Map<string, ReturnType<typeof createPostgresDatabase>>()

/** The database of the services of a folder: empty before the first start, then always the same. */
export async function serviceDatabaseUrl(folder: string): Promise<string> {
  if (engine === 'sqlite') {
    return `sqlite:${join(folder, 'data', 'test.db')}`
  }
  const database = databases.get(folder) ?? createPostgresDatabase(false)
  databases.set(folder, database)
  return (await database).url
}

export async function dropServiceDatabases(): Promise<void> {
  const all = [...databases.values()]
  databases.clear()
  for (const database of all) {
    await (await database)[Symbol.asyncDispose]()
  }
}

/** What keeps everybody else from writing, but not from reading. */
export interface DatabaseLock extends AsyncDisposable {
  /** Whether somebody waits for it; SQLite does not know. */
  isAwaited(): Promise<boolean>
  release(): Promise<void>
}

/** How the engine calls it when a lock is held for too long. */
export const LOCKED = engine === 'sqlite' ? /locked/ : /lock timeout/

/** Locks a database as another process does that writes to it. */
export async function lockDatabase(url: string): Promise<DatabaseLock> {
  return engine === 'sqlite' ? lockFile(url.slice('sqlite:'.length)) : await lockTables(url)
}

function lockFile(path: string): DatabaseLock {
  const handle = new BetterSqlite3(path)
  handle.exec('begin immediate')
  return {
    isAwaited: () => Promise.reject(new Error('SQLite does not know')),
    release: async () => void (await Promise.resolve(handle.exec('rollback'))),
    [Symbol.asyncDispose]: async () => void (await Promise.resolve(handle.close())),
  }
}

async function lockTables(url: string): Promise<DatabaseLock> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query<{ tables: string }>(
    `select string_agg(quote_ident(tablename), ', ') as tables from pg_tables
      where schemaname = 'public'`,
  )
  await client.query(`begin; lock table ${rows[0]?.tables} in exclusive mode`)
  return {
    isAwaited: async () => {
      const waiting = await client.query(
        `select 1 from pg_locks where not granted
          and database = (select oid from pg_database where datname = current_database())`,
      )
      return waiting.rowCount !== 0
    },
    release: async () => void (await client.query('rollback')),
    [Symbol.asyncDispose]: () => client.end(),
  }
}
