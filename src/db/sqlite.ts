import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { Compilable } from 'kysely'
import { argumentBinder, parametersOf } from './database.ts'
import type { Database, Parameters, Statement } from './database.ts'
import { sqliteDialect } from './dialect.ts'
import type { Schema } from './schema.ts'

export interface SqliteOptions {
  readonly path: string
  readonly readonly: boolean
  /** How long a statement waits for another process's lock. */
  readonly busyTimeoutMs?: number
}

/** Opens one connection to a SQLite file in WAL mode; a writer makes the file and its folder. */
export function openSqlite(options: SqliteOptions): Database {
  if (!options.readonly) {
    makeFolder(dirname(options.path))
  }
  const handle = new BetterSqlite3(options.path, {
    readonly: options.readonly,
    timeout: options.busyTimeoutMs ?? 5_000,
  })
  if (!options.readonly) {
    // NORMAL loses nothing when the process dies; after a power cut the file is whole and rows and
    // position go back together, so that the stream is read again from there.
    handle.pragma('journal_mode = WAL')
    handle.pragma('synchronous = NORMAL')
    handle.pragma('wal_autocheckpoint = 8000')
    // Each statement of many rows notes the pages as they were, in case it fails half way: in a file that
    // is two calls of the system a page, more than the log takes.
    handle.pragma('temp_store = memory')
  }
  handle.pragma('foreign_keys = ON')
  handle.pragma('cache_size = -65536')
  const dataVersion = handle.prepare<[], number>('pragma data_version').pluck()
  const kysely = new Kysely<Schema>({ dialect: new SqliteDialect({ database: handle }) })
  return {
    dialect: sqliteDialect,
    kysely,
    prepare: (build) => prepareStatement(handle, kysely, build),
    version: () => dataVersion.get(),
    transaction: (work) => runTransaction(handle, work),
    [Symbol.asyncDispose]: () => kysely.destroy(),
  }
}

/** Step by step: Node's own recursion never ends where a file system refuses folders, such as procfs. */
function makeFolder(path: string): void {
  if (!existsSync(path)) {
    makeFolder(dirname(path))
    mkdirSync(path)
  }
}

function prepareStatement<Args extends object, Row>(
  handle: BetterSqlite3.Database,
  kysely: Kysely<Schema>,
  build: (db: Kysely<Schema>, parameter: Parameters<Args>) => Compilable<Row>,
): Statement<Args, Row> {
  const compiled = build(kysely, parametersOf(sqliteDialect)).compile()
  const statement = handle.prepare<unknown[], Row>(compiled.sql)
  let raw: BetterSqlite3.Statement<unknown[], Row[keyof Row][]> | undefined
  const bind = argumentBinder(compiled.parameters)
  return {
    sql: compiled.sql,
    all: (args) => statement.all(...bind(args)),
    tuples: (args) => {
      raw ??= handle.prepare<unknown[], Row[keyof Row][]>(compiled.sql).raw()
      return raw.all(...bind(args))
    },
    run: (args) => statement.run(...bind(args)).changes,
  }
}

async function runTransaction<T>(
  handle: BetterSqlite3.Database,
  work: () => Promise<T>,
): Promise<T> {
  handle.exec('begin immediate')
  try {
    const result = await work()
    handle.exec('commit')
    return result
  } catch (error) {
    // SQLite has already rolled back when the disk is full; a second rollback would hide the cause.
    if (handle.inTransaction) {
      handle.exec('rollback')
    }
    throw error
  }
}
