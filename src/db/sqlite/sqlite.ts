import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { argumentBinder, parametersOf } from '../database.ts'
import type { WriteDatabase, Build, Statement } from '../database.ts'
import { codeOf } from '../databaseErrors.ts'
import type { Schema } from '../schema.ts'
import { sqliteDialect } from '../statements/dialect.ts'

export interface SqliteOptions {
  readonly path: string
  readonly readonly: boolean
  /** How long a statement waits for another process's lock. */
  readonly busyTimeoutMs?: number
  /** The file has to be there. */
  readonly mustExist?: boolean
  /** To be looked at: it is not made, and not put into WAL mode. */
  readonly isAsItIs?: boolean
}

const BUSY_MS = 5_000
/** Twice what the log reaches before it is written back. */
const MAX_LOG_BYTES = 64 * 1024 * 1024
/**
 * Each connection has one, and loses all of it whenever another one commits. What it lacks the system nearly
 * always has in memory: four times as much made ingest no faster, and a process 60 MB larger.
 */
const CACHE_KIB = 16_384

/** Opens one connection to a SQLite file in WAL mode; a writer makes the file and its folder. */
export function openSqlite(options: SqliteOptions): WriteDatabase {
  const { path, readonly, busyTimeoutMs = BUSY_MS, isAsItIs = false } = options
  const { mustExist = isAsItIs } = options
  if (!readonly && !mustExist) {
    makeFolder(dirname(path))
  }
  const handle = new BetterSqlite3(path, {
    readonly,
    fileMustExist: mustExist,
    timeout: busyTimeoutMs,
  })
  try {
    return useHandle(handle, !readonly && !isAsItIs)
  } catch (error) {
    handle.close()
    throw error
  }
}

function useHandle(handle: BetterSqlite3.Database, isWriter: boolean): WriteDatabase {
  if (isWriter) {
    // NORMAL loses nothing when the process dies; after a power cut the file is whole and rows and
    // position go back together, so that the stream is read again from there.
    useWal(handle)
    handle.pragma('synchronous = NORMAL')
    handle.pragma('wal_autocheckpoint = 8000')
    // A log that a large transaction has made long is cut to this once it has been written back.
    handle.pragma(`journal_size_limit = ${MAX_LOG_BYTES}`)
    // Each statement of many rows notes the pages as they were, in case it fails half way: in a file that
    // is two calls of the system a page, more than the log takes.
    handle.pragma('temp_store = memory')
  }
  handle.pragma('foreign_keys = ON')
  handle.pragma(`cache_size = -${CACHE_KIB}`)
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

const WAL_RETRY_MS = 10

/** Waits for another process that does the same: SQLite itself does not wait for this one lock. */
function useWal(handle: BetterSqlite3.Database): void {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  const untilMs = performance.now() + BUSY_MS
  while (handle.pragma('journal_mode', { simple: true }) !== 'wal') {
    try {
      handle.pragma('journal_mode = WAL')
      return
    } catch (error) {
      const isBusy = codeOf(error)?.startsWith('SQLITE_BUSY') === true
      if (!isBusy || performance.now() > untilMs) {
        throw error
      }
      Atomics.wait(pause, 0, 0, WAL_RETRY_MS)
    }
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
  build: Build<Args, Row>,
): Statement<Args, Row> {
  const compiled = build(parametersOf<Args>(sqliteDialect), kysely).compile(kysely)
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
