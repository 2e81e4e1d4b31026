import { sql } from 'kysely'
import type { ColumnDataType, RawBuilder } from 'kysely'

type ColumnType = 'text' | 'integer'

/** Rows that travel to the database in a few parameters: column name → type. */
export type RowShape = Readonly<Record<string, ColumnType>>

/** Each with its values in the order of the shape. */
export type Rows = readonly (readonly unknown[])[]

/** Stands for a parameter of the statement, by its name, or by its place in a list. */
export type Slot = (name: string | number) => RawBuilder<unknown>

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
  /**
   * A statement takes just so many rows, the most first and one at last: there is one for each of these
   * numbers. Undefined where one statement takes any number.
   */
  readonly rowCounts: readonly number[] | undefined
  /** The arguments that carry rows to a statement made with `rowsFrom`. */
  readonly packRows: (shape: RowShape, rows: Rows) => object
  /** So many rows as a table expression with the named columns. */
  readonly rowsFrom: (shape: RowShape, slot: Slot, count: number) => RawBuilder<unknown>
}

/**
 * SQLite. A bare `?` in WHERE or LIMIT makes it plan the statement anew at every call; `+?` hides the
 * value from the planner, so that the plan is kept. Rows travel value by value: reading them from JSON
 * costs half as much again.
 */
export const sqliteDialect: Dialect = {
  name: 'sqlite',
  keyText: 'text',
  bigint: 'integer',
  clustered: sql`without rowid`,
  hasTableLocks: false,
  parameter: (value) => sql`+${value}`,
  rowCounts: [64, 8, 1],
  packRows: (_shape, rows) => {
    const values: unknown[] = []
    for (const row of rows) {
      for (const value of row) {
        values.push(value)
      }
    }
    return values
  },
  rowsFrom: (shape, slot, count) => {
    const names = Object.keys(shape)
    const columns = names.map(
      (name, index) => sql`${sql.ref(`column${index + 1}`)} as ${sql.ref(name)}`,
    )
    const rows = Array.from({ length: count }, (_, row) => {
      const values = names.map((_name, index) => sql`+${slot(row * names.length + index)}`)
      return sql`(${sql.join(values)})`
    })
    return sql`(select ${sql.join(columns)} from (values ${sql.join(rows)}))`
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
  rowCounts: undefined,
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
