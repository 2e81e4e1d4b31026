/**
 * The state of a copy is one row in a table of its target. The table is there from the first step until
 * the copy is verified, and each step changes it together with the rows it covers: whatever ends the copy,
 * the same command goes on behind the last step.
 */
import { sql } from 'kysely'
import type { WriteDatabase } from '../db/database.ts'
import { COPY_TABLE } from '../db/unfinishedCopy.ts'
import { hasTable } from '../db/upgrade/tables.ts'

export interface CopyProgress {
  /** Which database is copied. */
  readonly source: string
  /** The state that it had when the copy began; empty = what was copied is of no use. */
  readonly sourceState: string
  /** The large table that is being copied; null when all are. */
  readonly table: string | null
  /** The key of its last row in the target. */
  readonly lastKey: readonly unknown[] | null
  /** Rows in the target, of all large tables. */
  readonly rows: number
}

/** Undefined when the database is no unfinished copy. */
export async function loadProgress(target: WriteDatabase): Promise<CopyProgress | undefined> {
  if (!(await hasTable(target, COPY_TABLE))) {
    return undefined
  }
  const { rows } = await sql<{
    source: string
    source_state: string
    table_name: string | null
    last_key: string | null
    copied: number
  }>`select source, source_state, table_name, last_key, copied from ${sql.table(COPY_TABLE)}`.execute(
    target.kysely,
  )
  const [row] = rows
  return (
    row && {
      source: row.source,
      sourceState: row.source_state,
      table: row.table_name,
      lastKey: row.last_key === null ? null : (JSON.parse(row.last_key) as unknown[]),
      rows: row.copied,
    }
  )
}

/** Inside the transaction that writes what it tells of. */
export async function saveProgress(target: WriteDatabase, progress: CopyProgress): Promise<void> {
  const { source, sourceState, table, lastKey, rows } = progress
  const key = lastKey === null ? null : JSON.stringify(lastKey)
  await sql`insert into ${sql.table(COPY_TABLE)} (id, source, source_state, table_name, last_key, copied)
    values (1, ${source}, ${sourceState}, ${table}, ${key}, ${rows})
    on conflict (id) do update set source = excluded.source, source_state = excluded.source_state,
      table_name = excluded.table_name, last_key = excluded.last_key, copied = excluded.copied`.execute(
    target.kysely,
  )
}

/** Marks the database as an unfinished copy. */
export async function createProgress(target: WriteDatabase): Promise<void> {
  const { bigint } = target.dialect
  await target.kysely.schema
    .createTable(COPY_TABLE)
    .ifNotExists()
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('source_state', 'text', (column) => column.notNull())
    .addColumn('table_name', 'text')
    .addColumn('last_key', 'text')
    .addColumn('copied', bigint, (column) => column.notNull())
    .execute()
}

/** The copy is whole. */
export async function dropProgress(target: WriteDatabase): Promise<void> {
  await target.kysely.schema.dropTable(COPY_TABLE).execute()
}
