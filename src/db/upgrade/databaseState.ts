/** What a database is to this version of the program, as its catalog says: nothing is written. */
import { sql } from 'kysely'
import { ConfigError } from '../../errors.ts'
import type { ReadDatabase } from '../database.ts'

/** The list of what has been done, and a table that versions up to 0.1.0 make beside it. */
export const DONE_TABLE = 'kysely_migration'
export const LOCK_TABLE = 'kysely_migration_lock'

/** Tables that every version of tagfeed has, and hardly anybody else together. */
const MARKS = ['post_tag', 'record_trace', 'ingest_position']
/** A table that the official starter kit has and nobody needs but it. */
const KIT_TABLE = 'sub_state'
const MAX_NAMED = 5

export type DatabaseState =
  /** Nothing has been done to it; `tables` may be those of a first start that was killed. */
  | { readonly kind: 'blank'; readonly tables: readonly string[] }
  /** These migrations have been done, in order. */
  | { readonly kind: 'ours'; readonly done: readonly string[] }
  /** A later version has done these, which are unknown here. */
  | { readonly kind: 'newer'; readonly unknown: readonly string[] }
  /** Another program's, or not whole. */
  | { readonly kind: 'foreign'; readonly tables: readonly string[] }

/** What the catalog of a database says. */
export interface Catalog {
  /** Tables, views and the like, without those of the engine and its extensions. */
  readonly tables: readonly string[]
  /** Undefined where there is no such list. */
  readonly done: readonly string[] | undefined
}

/** `migrations`: the names of those that this version knows, in order. */
export function stateOf({ tables, done }: Catalog, migrations: readonly string[]): DatabaseState {
  const others = tables.filter((name) => name !== DONE_TABLE && name !== LOCK_TABLE)
  if (done === undefined || done.length === 0) {
    // Without the list, whatever is there has been made by somebody else.
    return done === undefined && others.length > 0
      ? { kind: 'foreign', tables: others }
      : { kind: 'blank', tables: others }
  }
  const unknown = done.filter((name) => !migrations.includes(name))
  const known = migrations.slice(0, done.length - unknown.length)
  const isOurs =
    known.length > 0 &&
    known.every((name) => done.includes(name)) &&
    MARKS.every((name) => others.includes(name))
  if (!isOurs) {
    return { kind: 'foreign', tables: others }
  }
  return unknown.length > 0 ? { kind: 'newer', unknown } : { kind: 'ours', done: known }
}

export async function readCatalog(database: ReadDatabase): Promise<Catalog> {
  const tables = await readTables(database)
  return { tables, done: tables.includes(DONE_TABLE) ? await readDone(database) : undefined }
}

async function readTables({ dialect, kysely }: ReadDatabase): Promise<string[]> {
  // What an extension has made is no sign of another program.
  const query =
    dialect.name === 'sqlite'
      ? sql<{ name: string }>`select name from sqlite_master
          where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\'
          order by rowid`
      : sql<{ name: string }>`select c.relname as name from pg_class c
          where c.relnamespace = (select oid from pg_namespace where nspname = current_schema())
            and c.relkind in ('r', 'p', 'v', 'm', 'f')
            and not exists (select 1 from pg_depend d
              where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
          order by c.oid`
  return (await query.execute(kysely)).rows.map(({ name }) => name)
}

async function readDone({ dialect, kysely }: ReadDatabase): Promise<string[]> {
  if (dialect.name === 'postgres') {
    // A list of another form is none of ours, and no error, which would end a transaction.
    const { rows } = await sql<{ name: string | null }>`
      select to_jsonb(done) ->> 'name' as name from ${sql.table(DONE_TABLE)} as done`.execute(
      kysely,
    )
    return rows.map(({ name }) => name ?? '')
  }
  const columns = await sql`select 1 from pragma_table_info(${DONE_TABLE})
    where name = 'name'`.execute(kysely)
  const name = columns.rows.length > 0 ? sql`name` : sql`''`
  const { rows } = await sql<{ name: string }>`
    select ${name} as name from ${sql.table(DONE_TABLE)}`.execute(kysely)
  return rows.map((row) => row.name)
}

/** How a database is called in messages, and what to name instead of it. */
export interface Place {
  readonly name: string
  readonly instead: string
}

export async function placeOf({ dialect, kysely }: ReadDatabase): Promise<Place> {
  if (dialect.name === 'sqlite') {
    const { rows } = await sql<{ file: string }>`
      select file from pragma_database_list where name = 'main'`.execute(kysely)
    return {
      name: `the file ${rows[0]?.file}`,
      instead: "name a file of tagfeed's own, which is made when it is not there",
    }
  }
  const { rows } = await sql<{ schema: string | null; database: string }>`
    select current_schema() as schema, current_database() as database`.execute(kysely)
  return {
    name: `the schema ${rows[0]?.schema} of the Postgres database ${rows[0]?.database}`,
    instead:
      "make a database of tagfeed's own and name that, or a schema of its own " +
      '(?options=-csearch_path%3DNAME)',
  }
}

/** @throws ConfigError when the database is not for this version */
export function refuseStranger(state: DatabaseState, { name, instead }: Place): void {
  if (state.kind === 'newer') {
    throw new ConfigError([
      `FEEDGEN_DATABASE_URL: ${name} belongs to a newer version of tagfeed, which has made ` +
        `${state.unknown.join(', ')}: start that version or a later one, or go back to a backup ` +
        'from before the upgrade. Nothing has been changed',
    ])
  }
  if (state.kind === 'foreign') {
    const { tables } = state
    const named = tables.slice(0, MAX_NAMED).join(', ')
    const tail = tables.length > MAX_NAMED ? ' and more' : ''
    const what = named === '' ? '' : ` (its tables: ${named}${tail})`
    const whose =
      tables.includes(KIT_TABLE) && tables.includes('post')
        ? 'is the database of the official feed generator kit, of which tagfeed takes nothing over'
        : 'belongs to another program'
    throw new ConfigError([
      `FEEDGEN_DATABASE_URL: ${name} ${whose}${what}: ${instead}. Nothing has been changed`,
    ])
  }
}
