import type { Schema } from '../db/schema.ts'
import type { RowShape } from '../db/statements/dialect.ts'

interface Copied<Table> {
  /** The primary key. Its text columns compare by bytes on every engine. */
  readonly key: readonly (keyof Table & string)[]
  /**
   * A few thousand rows at most, which a service that only serves may change: all such tables are copied
   * last, in one transaction, and anew when a copy goes on.
   */
  readonly isSmall?: true
}

/**
 * Every table of the schema, in the order of copying: what is referred to comes first, small tables
 * last. Columns are read from the database.
 */
const TABLES: { readonly [T in keyof Schema]: Copied<Schema[T]> | 'left out' } = {
  account: { key: ['id'] },
  post: { key: ['id'] },
  post_record: { key: ['post_id'] },
  record_trace: { key: ['rkey', 'did', 'collection'] },
  engagement: { key: ['rkey', 'account_id', 'kind'] },
  post_count: { key: ['post_id'] },
  post_tag: { key: ['tag', 'indexed_at', 'cid', 'uri'] },
  filter_post: { key: ['filter_id', 'indexed_at', 'cid', 'uri'] },
  author_post: { key: ['filter_id', 'did', 'indexed_at', 'cid', 'rkey'] },
  follow: { key: ['viewer', 'rkey'] },
  viewer: { key: ['did'] },
  less: { key: ['viewer', 'uri'] },
  seen: { key: ['viewer', 'uri'] },
  activity: { key: ['seq'] },
  activity_tag: { key: ['tag', 'kind', 'seq'] },
  tag_hour: { key: ['tag', 'hour'] },
  // Nearly always empty.
  account_move: { key: ['account_id'], isSmall: true },
  hidden_author: { key: ['uri_prefix'], isSmall: true },
  activity_log: { key: ['id'], isSmall: true },
  filter: { key: ['id'], isSmall: true },
  ingest_start: { key: ['id'], isSmall: true },
  ingest_gap: { key: ['from_us'], isSmall: true },
  ingest_position: { key: ['id'], isSmall: true },
  // What a process says of itself; the one that ingests next says its own.
  ingest_status: 'left out',
  ingest_writer: 'left out',
  // Made anew at the next start.
  ranking: 'left out',
  generation: 'left out',
  ranking_post: 'left out',
}

export interface CopiedTable {
  readonly name: string
  readonly key: readonly string[]
  readonly isSmall: boolean
}

/** All tables of the schema. */
export const ALL_TABLES: readonly string[] = Object.keys(TABLES)

/** The tables that are copied, in their order. */
export const COPIED_TABLES: readonly CopiedTable[] = Object.entries(TABLES).flatMap(
  ([name, table]) =>
    table === 'left out' ? [] : [{ name, key: table.key, isSmall: table.isSmall === true }],
)

export const LARGE_TABLES = COPIED_TABLES.filter(({ isSmall }) => !isSmall)
export const SMALL_TABLES = COPIED_TABLES.filter(({ isSmall }) => isSmall)

/** A table with its columns. */
export interface ShapedTable extends CopiedTable {
  readonly shape: RowShape
}

/** @throws when a database lacks a table */
export function withShape(table: CopiedTable, shapes: ReadonlyMap<string, RowShape>): ShapedTable {
  const shape = shapes.get(table.name)
  if (shape === undefined) {
    throw new Error(`there is no table ${table.name}`)
  }
  return { ...table, shape }
}
