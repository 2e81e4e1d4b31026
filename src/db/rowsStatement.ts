import type { RawBuilder } from 'kysely'
import type { Database } from './database.ts'
import type { RowShape } from './dialect.ts'

/** A statement that takes many rows at once, each with its values in the order of the shape. */
export interface RowsStatement<Row = never> {
  /** As the engine gets it; for looking at its plan. */
  readonly sql: string
  /** What it answers for all the rows together; nothing is asked when there are none. */
  all(rows: readonly (readonly unknown[])[]): Promise<Row[]>
  run(rows: readonly (readonly unknown[])[]): Promise<void>
}

/** One post can have a million tags: its rows do not fit into one statement. */
const MAX_ROWS = 5_000

/** Prepares a statement over rows: `build` gets them as a table expression to select from. */
export function prepareRows<Row = never>(
  database: Database,
  shape: RowShape,
  build: (rows: RawBuilder<unknown>) => RawBuilder<Row>,
): RowsStatement<Row> {
  const { rowsFrom, packRows } = database.dialect
  const statement = database.prepare<Record<string, unknown>, Row>((db, { value }) => {
    const query = build(rowsFrom(shape, value))
    return { compile: () => query.compile(db) }
  })
  return {
    sql: statement.sql,
    all: async (rows) => {
      const found: Row[] = []
      for (const some of slices(rows)) {
        found.push(...(await statement.all(packRows(shape, some) as Record<string, unknown>)))
      }
      return found
    },
    run: async (rows) => {
      for (const some of slices(rows)) {
        await statement.run(packRows(shape, some) as Record<string, unknown>)
      }
    },
  }
}

function slices<T>(rows: readonly T[]): (readonly T[])[] {
  if (rows.length <= MAX_ROWS) {
    return rows.length === 0 ? [] : [rows]
  }
  const count = Math.ceil(rows.length / MAX_ROWS)
  return Array.from({ length: count }, (_, index) =>
    rows.slice(index * MAX_ROWS, (index + 1) * MAX_ROWS),
  )
}
