import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import type { ShapedTable } from './copiedTables.ts'

export type Row = readonly unknown[]

/** Reads pages of a table in the order of its key; the next page is that behind a key. */
export interface TablePages {
  /** At most a page; fewer rows than that are the last. */
  after(key: Row | null): Promise<readonly Row[]>
  keyOf(row: Row): Row
  /** As the engine gets them; for looking at their plans. */
  readonly sql: { readonly first: string; readonly next: string }
}

/** Prepares the reading of a table, `size` rows a page, each with its columns in the order of the shape. */
export function preparePages(
  database: ReadDatabase,
  { name, key, shape }: ShapedTable,
  size: number,
): TablePages {
  const columns = Object.keys(shape)
  const refs = (names: readonly string[]) => sql.join(names.map((column) => sql.ref(column)))
  const prepare = (isFirst: boolean) =>
    database.prepare<Record<string, unknown>, Record<string, unknown>>((parameter) => {
      const place = sql.join(key.map((column) => parameter(column)))
      const where = isFirst ? sql`` : sql`where (${refs(key)}) > (${place})`
      // The size in plain sight: the planner has to know that few rows are wanted.
      return sql<Record<string, unknown>>`select ${refs(columns)} from ${sql.table(name)}
        ${where} order by ${refs(key)} limit ${sql.lit(size)}`
    })
  const first = prepare(true)
  const next = prepare(false)
  const keyIndexes = key.map((column) => columns.indexOf(column))
  return {
    sql: { first: first.sql, next: next.sql },
    after: async (place) =>
      place === null
        ? await first.tuples({})
        : await next.tuples(Object.fromEntries(key.map((column, index) => [column, place[index]]))),
    keyOf: (row) => keyIndexes.map((index) => row[index]),
  }
}
