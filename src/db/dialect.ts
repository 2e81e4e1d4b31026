import { sql } from 'kysely'
import type { ColumnDataType, RawBuilder } from 'kysely'

type ColumnType = 'text' | 'integer'

/** Rows that travel to the database in a few parameters: column name → type. */
export type RowShape = Readonly<Record<string, ColumnType>>

/** Stands for a parameter of the statement, by its name. */
export type Slot = (name: string) => RawBuilder<unknown>

/** Everything in which the engines' SQL differs. Nothing outside `src/db` knows which engine it is. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres'
  /** Column type of text that is compared by bytes, as every key of a page is. */
  readonly keyText: ColumnDataType | RawBuilder<unknown>
  readonly bigint: ColumnDataType
  /** Ends a `create table` whose rows are stored in the order of the primary key, where that exists. */
  readonly clustered: RawBuilder<unknown> | undefined
  /** Whether one statement can get through while another one waits for a lock. */
  readonly hasTableLocks: boolean
  /** A parameter in WHERE or LIMIT. */
  readonly parameter: <T>(value: T) => RawBuilder<T>
  /** The arguments that carry rows to a statement made with `rowsFrom`. */
  readonly packRows: (shape: RowShape, rows: readonly (readonly unknown[])[]) => object
  /** The rows as a table expression with the named columns. */
  readonly rowsFrom: (shape: RowShape, slot: Slot) => RawBuilder<unknown>
}

/**
 * SQLite. A bare `?` in WHERE or LIMIT makes it plan the statement anew at every call; `+?` hides the
 * value from the planner, so that the plan is kept. Rows travel as one JSON array of arrays.
 */
export const sqliteDialect: Dialect = {
  name: 'sqlite',
  keyText: 'text',
  bigint: 'integer',
  clustered: sql`without rowid`,
  hasTableLocks: false,
  parameter: (value) => sql`+${value}`,
  packRows: (_shape, rows) => ({ rows: JSON.stringify(rows) }),
  rowsFrom: (shape, slot) => {
    const columns = Object.keys(shape).map(
      (name, index) => sql`value ->> ${sql.lit(index)} as ${sql.ref(name)}`,
    )
    return sql`(select ${sql.join(columns)} from json_each(${slot('rows')}))`
  },
}

/**
 * Postgres. Its default collation depends on the machine: keys of pages have `C`, which compares bytes
 * as SQLite does. Rows travel as one array a column.
 */
export const postgresDialect: Dialect = {
  name: 'postgres',
  keyText: sql`text collate "C"`,
  bigint: 'bigint',
  clustered: undefined,
  hasTableLocks: true,
  parameter: (value) => sql`${value}`,
  packRows: (shape, rows) =>
    Object.fromEntries(Object.keys(shape).map((name, index) => [name, rows.map((r) => r[index])])),
  rowsFrom: (shape, slot) => {
    const arrays = Object.entries(shape).map(
      ([name, type]) => sql`${slot(name)}::${sql.raw(type === 'text' ? 'text' : 'bigint')}[]`,
    )
    const columns = Object.keys(shape).map((name) => sql.ref(name))
    return sql`(select * from unnest(${sql.join(arrays)}) as u (${sql.join(columns)}))`
  },
}
