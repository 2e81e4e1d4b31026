/**
 * What whole tables need beyond the statements of the service: their columns, and a database that
 * stands still while they are read.
 */
import { sql } from 'kysely'
import type { ReadDatabase, WriteDatabase } from '../database.ts'
import type { RowShape } from '../statements/dialect.ts'

const TYPES: Readonly<Record<string, 'text' | 'integer'>> = {
  text: 'text',
  integer: 'integer',
  int4: 'integer',
  int8: 'integer',
}

/** The tables of the database by name, with their columns in the order of their making. */
export async function readShapes(database: ReadDatabase): Promise<ReadonlyMap<string, RowShape>> {
  const schema = await currentSchema(database)
  const tables = await database.kysely.introspection.getTables()
  return new Map(
    tables
      .filter((table) => table.schema === schema)
      .map(({ name, columns }) => [
        name,
        Object.fromEntries(
          columns.map((column) => [column.name, typeOf(name, column.name, column.dataType)]),
        ),
      ]),
  )
}

function typeOf(table: string, column: string, dataType: string): 'text' | 'integer' {
  const type = TYPES[dataType.toLowerCase()]
  if (type === undefined) {
    throw new Error(`${table}.${column} is of the type ${dataType}, which is not known here`)
  }
  return type
}

async function currentSchema({ dialect, kysely }: ReadDatabase): Promise<string | undefined> {
  if (dialect.name === 'sqlite') {
    return undefined
  }
  const { rows } = await sql<{ name: string }>`select current_schema() as name`.execute(kysely)
  return rows[0]?.name
}

/** One search in the catalog of the engine. */
export async function hasTable({ dialect, kysely }: ReadDatabase, name: string): Promise<boolean> {
  const query =
    dialect.name === 'sqlite'
      ? sql`select 1 as found from sqlite_master where type = 'table' and name = ${name}`
      : sql`select 1 as found where to_regclass(${name}) is not null`
  return (await query.execute(kysely)).rows.length > 0
}

/**
 * Runs `work` while nobody else writes to the tables: others read on, and wait with what they write.
 * Rows are found by keys meanwhile, also where the planner knows nothing of a table that is just filled.
 */
export function holdStill<T>(
  database: WriteDatabase,
  tables: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  // SQLite has one writer, which a transaction is. Alone: no store transaction is half through these
  // tables, so that their locks cannot meet in a deadlock.
  return database.transaction(async () => {
    if (database.dialect.name === 'postgres') {
      const names = sql.join(tables.map((name) => sql.table(name)))
      await sql`lock table ${names} in share mode`.execute(database.kysely)
      for (const method of ['seqscan', 'sort', 'bitmapscan']) {
        await sql`set local ${sql.raw(`enable_${method}`)} = off`.execute(database.kysely)
      }
    }
    return await work()
  }, 'alone')
}

/**
 * Lets a session keep silent for minutes. That of a role is ended after seconds, but work on two
 * databases waits for whichever is slower.
 */
export async function allowSilence({ dialect, kysely }: WriteDatabase): Promise<void> {
  if (dialect.name === 'postgres') {
    await sql`set idle_session_timeout = '10min'`.execute(kysely)
    await sql`set idle_in_transaction_session_timeout = '10min'`.execute(kysely)
  }
}

/** About how many rows there are; to count them takes Postgres longer than a statement may take. */
export async function estimateRows(
  { dialect, kysely }: ReadDatabase,
  name: string,
): Promise<number> {
  const table = sql.table(name)
  if (dialect.name === 'sqlite') {
    const { rows } = await sql<{ n: number }>`select count(*) as n from ${table}`.execute(kysely)
    return rows[0]?.n ?? 0
  }
  const { rows } = await sql<
    Record<string, [{ Plan: { 'Plan Rows': number } }]>
  >`explain (format json) select 1 from ${table}`.execute(kysely)
  return rows[0]?.['QUERY PLAN']?.[0].Plan['Plan Rows'] ?? 0
}

/** Deletes all rows, those of the last table first. */
export async function emptyTables(
  { dialect, kysely }: WriteDatabase,
  tables: readonly string[],
): Promise<void> {
  if (dialect.name === 'postgres') {
    const names = sql.join(tables.map((name) => sql.table(name)))
    await sql`truncate ${names}`.execute(kysely)
    return
  }
  for (const name of tables.toReversed()) {
    await sql`delete from ${sql.table(name)}`.execute(kysely)
  }
}
