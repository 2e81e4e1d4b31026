/** What gives ids to new rows: `sqlite_sequence`, or the sequence behind a `bigserial`. */
import { sql } from 'kysely'
import type { ReadDatabase, WriteDatabase } from './database.ts'

/** The highest id that each table has ever given, also to rows that are gone; 0 = none yet. */
export async function readSequences(database: ReadDatabase): Promise<ReadonlyMap<string, number>> {
  const { dialect, kysely } = database
  if (dialect.name === 'sqlite') {
    const { rows } = await sql<{
      name: string
      seq: number
    }>`select name, seq from sqlite_sequence`.execute(kysely)
    return new Map(rows.map(({ name, seq }) => [name, seq]))
  }
  const last = new Map<string, number>()
  for (const { table, sequence } of await postgresSequences(database)) {
    const { rows } = await sql<{
      last: number
    }>`select case when is_called then last_value else 0 end as last from ${sql.raw(sequence)}`.execute(
      kysely,
    )
    last.set(table, rows[0]?.last ?? 0)
  }
  return last
}

/** From here on each of these tables gives ids above the one named, and above those of its rows. */
export async function raiseSequences(
  database: WriteDatabase,
  last: ReadonlyMap<string, number>,
): Promise<void> {
  const { dialect, kysely } = database
  if (dialect.name === 'sqlite') {
    // A row with an id of its own raises the sequence by itself.
    for (const [table, id] of last) {
      await sql`insert into sqlite_sequence (name, seq) select ${table}, 0
        where not exists (select 1 from sqlite_sequence where name = ${table})`.execute(kysely)
      await sql`update sqlite_sequence set seq = max(seq, ${id}) where name = ${table}`.execute(
        kysely,
      )
    }
    return
  }
  for (const { table, column, sequence } of await postgresSequences(database)) {
    const { rows } = await sql<{
      id: number
    }>`select greatest(${last.get(table) ?? 0}::bigint, max(${sql.ref(column)})) as id
      from ${sql.table(table)}`.execute(kysely)
    const id = rows[0]?.id ?? 0
    if (id > 0) {
      await sql`select setval(${sequence}, ${id})`.execute(kysely)
    }
  }
}

interface PostgresSequence {
  readonly table: string
  readonly column: string
  /** With its schema, in quotes where it needs them. */
  readonly sequence: string
}

async function postgresSequences({ kysely }: ReadDatabase): Promise<PostgresSequence[]> {
  const { rows } = await sql<PostgresSequence>`select * from (
      select relname as "table", attname as "column",
        pg_get_serial_sequence(quote_ident(relname), attname) as "sequence"
      from pg_class join pg_attribute on attrelid = pg_class.oid
      where relkind = 'r' and attnum > 0 and not attisdropped
        and relnamespace = current_schema()::regnamespace
    ) as columns where "sequence" is not null`.execute(kysely)
  return rows
}
