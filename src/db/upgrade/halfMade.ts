/**
 * Versions up to 0.1.0 migrated SQLite statement by statement: a kill in between has left some of the
 * objects of a migration without its row in the list, and every later start failed on the first of them.
 */
import BetterSqlite3 from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import type { QueryExecutorProvider } from 'kysely'
import type { Migration } from 'kysely/migration'
import { ConfigError } from '../../errors.ts'
import type { ReadDatabase, WriteDatabase } from '../database.ts'
import { DONE_TABLE, LOCK_TABLE } from './databaseState.ts'

export type Migrations = Readonly<Record<string, Migration>>

interface SchemaObject {
  readonly type: string
  readonly name: string
  /** Null for an index that a constraint brings along. */
  readonly sql: string | null
}

/**
 * Takes away what half of a migration has left, inside the transaction that makes it anew. Only what the
 * migration itself would make is touched, and only where nothing has been stored in it.
 * @returns the names of what was dropped
 * @throws ConfigError when something else is in the way of the migration
 */
export async function dropHalfMade(
  { dialect, kysely }: WriteDatabase,
  migrations: Migrations,
  name: string,
): Promise<string[]> {
  // Postgres takes back what a migration has made when its session ends.
  const present = dialect.name === 'sqlite' ? await readObjects(kysely) : []
  const own = present.length === 0 ? [] : await objectsOf(migrations, name)
  const wanted = new Map(own.map((object) => [object.name, object]))
  const left = present.filter((object) => wanted.has(object.name))
  for (const object of left) {
    if (spell(object.sql) !== spell(wanted.get(object.name)?.sql ?? null)) {
      throw inTheWay(name, object, 'is not as this version makes it')
    }
    if (object.type === 'table' && (await hasRows(kysely, object.name))) {
      throw inTheWay(name, object, 'has rows')
    }
  }
  // What refers to another table was made after it.
  for (const object of left.toReversed()) {
    const isIndex = object.type === 'index'
    await sql`drop ${sql.raw(isIndex ? 'index' : 'table')} if exists ${sql.id(object.name)}`.execute(
      kysely,
    )
  }
  return left.map((object) => object.name)
}

/** What a database lacks of all that is there after these migrations. */
export async function findMissing(
  { kysely }: ReadDatabase,
  migrations: Migrations,
): Promise<string[]> {
  const present = new Set((await readObjects(kysely)).map(({ name }) => name))
  const { after } = await rehearse(migrations, undefined)
  return after.flatMap(({ name }) => (present.has(name) ? [] : [name]))
}

/** Whether all that is there has been made by a first start, of which nothing is in the list yet. */
export async function isLeftByStart(
  { kysely }: ReadDatabase,
  migrations: Migrations,
): Promise<boolean> {
  const [first = ''] = Object.keys(migrations)
  const made = new Map(
    (await objectsOf(migrations, first)).map((own) => [own.name, spell(own.sql)]),
  )
  const present = await readObjects(kysely)
  return present.every(
    (object) => isList(object.name) || made.get(object.name) === spell(object.sql),
  )
}

function isList(name: string): boolean {
  return name === DONE_TABLE || name === LOCK_TABLE
}

function inTheWay(migration: string, { type, name }: SchemaObject, why: string): Error {
  return new ConfigError([
    `FEEDGEN_DATABASE_URL: the migration ${migration} is to make the ${type} ${name}, but there is one that ${why}: ` +
      'restore a backup, or name a new database. Nothing has been changed',
  ])
}

async function hasRows(kysely: QueryExecutorProvider, table: string): Promise<boolean> {
  const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(kysely)
  return rows.length > 0
}

/** What a migration makes, in the order of its making. */
async function objectsOf(migrations: Migrations, name: string): Promise<SchemaObject[]> {
  const { before, after } = await rehearse(migrations, name)
  const known = new Set(before.map((object) => object.name))
  return after.filter((object) => !known.has(object.name))
}

/** The objects before and after a migration, or the last: seen in a database of its own, in memory. */
async function rehearse(migrations: Migrations, last: string | undefined) {
  const database = new BetterSqlite3(':memory:')
  await using scratch = new Kysely<never>({ dialect: new SqliteDialect({ database }) })
  let before: SchemaObject[] = []
  let after: SchemaObject[] = []
  for (const [name, { up }] of Object.entries(migrations)) {
    before = after
    await up(scratch)
    after = await readObjects(scratch)
    if (name === last) {
      break
    }
  }
  return { before, after }
}

async function readObjects(kysely: QueryExecutorProvider): Promise<SchemaObject[]> {
  const { rows } = await sql<SchemaObject>`select type, name, sql from sqlite_master
    where sql is not null and name not like 'sqlite\\_%' escape '\\' order by rowid`.execute(kysely)
  return rows
}

/** Two spellings of one definition are the same. */
function spell(text: string | null): string {
  return (text ?? '').toLowerCase().replaceAll(/["`[\]\s]/gu, '')
}
