/**
 * Brings a database to the form that this version needs. Each migration is one transaction: the look
 * whether it is due, all that it does, and its row in the list. A process that is killed leaves the
 * database as it was before the transaction; one that comes meanwhile waits, and finds it done.
 * The list is a table of Kysely's form and name, which versions up to 0.1.0 have kept with it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { ConfigError } from '../../errors.ts'
import type { ReadDatabase, WriteDatabase } from '../database.ts'
import { codeOf } from '../databaseErrors.ts'
import { migrationsFor } from '../migrations/index.ts'
import {
  DONE_TABLE,
  LOCK_TABLE,
  placeOf,
  readCatalog,
  refuseStranger,
  stateOf,
} from './databaseState.ts'
import type { DatabaseState } from './databaseState.ts'
import { dropHalfMade, isLeftByStart } from './halfMade.ts'
import type { Migrations } from './halfMade.ts'

export interface MigrateOptions {
  /** Ends waiting for another process, with an error. */
  readonly signal?: AbortSignal | undefined
  /** Told once, when another process has the database. */
  readonly onWaiting?: () => void
  /** Told before each migration. */
  readonly onBegin?: (name: string) => void
  /** All there are, in order; those of this version when left out. */
  readonly migrations?: Migrations
}

/** The number under which Kysely locks: a process of 0.1.0 that starts at the same time waits too. */
const POSTGRES_LOCK = '3853314791062309107'
const RETRY_MS = 100

/**
 * @throws ConfigError when the database is another program's, or of a newer version; nothing is
 *   written to it then
 */
export async function migrate(
  database: WriteDatabase,
  options: MigrateOptions = {},
): Promise<void> {
  const { migrations = migrationsFor(database.dialect) } = options
  const due = await findDue(database, migrations)
  if (due.length === 0) {
    return
  }
  await using _ = await prepareSession(database)
  let isWaiting = false
  while ((await findDue(database, migrations)).length > 0) {
    options.signal?.throwIfAborted()
    try {
      await database.transaction(() => migrateOne(database, migrations, options), 'alone')
    } catch (error) {
      if (codeOf(error)?.startsWith('SQLITE_BUSY') !== true) {
        throw explain(error)
      }
      if (!isWaiting) {
        options.onWaiting?.()
        isWaiting = true
      }
      await delay(RETRY_MS, undefined, options.signal && { signal: options.signal })
    }
  }
}

/** Does the first migration that is due, inside the transaction; none when another process has. */
async function migrateOne(
  database: WriteDatabase,
  migrations: Migrations,
  { onBegin }: MigrateOptions,
): Promise<void> {
  const { dialect, kysely } = database
  if (dialect.name === 'postgres') {
    await sql`select pg_advisory_xact_lock(${sql.raw(POSTGRES_LOCK)})`.execute(kysely)
  }
  const [name] = await findDue(database, migrations)
  const migration = migrations[name ?? '']
  if (name === undefined || migration === undefined) {
    return
  }
  onBegin?.(name)
  await dropHalfMade(database, migrations, name)
  await makeList(database)
  await migration.up(kysely)
  await sql`insert into ${sql.table(DONE_TABLE)} (name, timestamp)
    values (${name}, ${new Date().toISOString()})`.execute(kysely)
}

async function makeList({ kysely }: WriteDatabase): Promise<void> {
  await kysely.schema
    .createTable(DONE_TABLE)
    .ifNotExists()
    .addColumn('name', 'varchar(255)', (column) => column.notNull().primaryKey())
    .addColumn('timestamp', 'varchar(255)', (column) => column.notNull())
    .execute()
  await kysely.schema
    .createTable(LOCK_TABLE)
    .ifNotExists()
    .addColumn('id', 'varchar(255)', (column) => column.notNull().primaryKey())
    .addColumn('is_locked', 'integer', (column) => column.defaultTo(0).notNull())
    .execute()
  await sql`insert into ${sql.table(LOCK_TABLE)} (id, is_locked) values ('migration_lock', 0)
    on conflict (id) do nothing`.execute(kysely)
}

/** For the time of the migrations: room on the disk, and short waits, between which a signal is heard. */
async function prepareSession({ dialect, kysely }: WriteDatabase): Promise<AsyncDisposable> {
  if (dialect.name === 'postgres') {
    return { [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const { rows } = await sql<{ timeout: number }>`pragma busy_timeout`.execute(kysely)
  const set = async (name: string, value: string | number): Promise<void> => {
    await sql`pragma ${sql.raw(`${name} = ${value}`)}`.execute(kysely)
  }
  // A new index of millions of rows is sorted, which is not for the memory.
  await set('temp_store', 'file')
  await set('busy_timeout', RETRY_MS)
  return {
    [Symbol.asyncDispose]: async () => {
      await set('temp_store', 'memory')
      await set('busy_timeout', rows[0]?.timeout ?? 0)
    },
  }
}

function explain(error: unknown): unknown {
  return error instanceof ConfigError
    ? error
    : new Error('cannot migrate the database, which is left as it was', { cause: error })
}

/** Whether the tables have the form that this version needs; for a connection that cannot write. */
export async function isMigrated(database: ReadDatabase): Promise<boolean> {
  return (await findDue(database)).length === 0
}

/**
 * The names of the migrations that are to be done.
 * @throws ConfigError when the database is not for this version
 */
export async function findDue(
  database: ReadDatabase,
  migrations: Migrations = migrationsFor(database.dialect),
): Promise<string[]> {
  const state = await readState(database, migrations)
  refuseStranger(state, await placeOf(database))
  const names = Object.keys(migrations)
  return state.kind === 'ours' ? names.slice(state.done.length) : names
}

async function readState(database: ReadDatabase, migrations: Migrations): Promise<DatabaseState> {
  const state = stateOf(await readCatalog(database), Object.keys(migrations))
  if (state.kind !== 'blank' || state.tables.length === 0) {
    return state
  }
  // Only on SQLite has a start ever left half of its work.
  const isOurs = database.dialect.name === 'sqlite' && (await isLeftByStart(database, migrations))
  return isOurs ? state : { kind: 'foreign', tables: state.tables }
}
