import type { RawBuilder } from 'kysely'
import type { ReadDatabase, Statement } from '../database.ts'
import type { RowShape, Rows } from './dialect.ts'

type Arguments = Record<string | number, unknown>

/** A statement that takes many rows at once. */
export interface RowsStatement<Row = never> {
  /** As the engine gets it; for looking at its plan. */
  readonly sql: string
  /** What it answers for all the rows together; nothing is asked when there are none. */
  all(rows: Rows): Promise<Row[]>
  run(rows: Rows): Promise<void>
}

/** One post can have a million tags: its rows do not fit into one statement. */
const MAX_ROWS = [5_000]

/** Prepares a statement over rows: `build` gets them as a table expression to select from. */
export function prepareRows<Row = never>(
  database: ReadDatabase,
  shape: RowShape,
  build: (rows: RawBuilder<unknown>) => RawBuilder<Row>,
): RowsStatement<Row> {
  const { rowCounts, rowsFrom, packRows } = database.dialect
  const prepareFor = (count: number): Statement<Arguments, Row> =>
    database.prepare<Arguments, Row>(({ value }) => build(rowsFrom(shape, value, count)))
  // At once, so that a mistake shows at the start; those for more rows when they are needed.
  const first = prepareFor(1)
  const prepared = new Map([[1, first]])
  const statementFor = (count: number): Statement<Arguments, Row> => {
    const key = rowCounts === undefined ? 1 : count
    const statement = prepared.get(key) ?? prepareFor(key)
    prepared.set(key, statement)
    return statement
  }
  const pack = (rows: Rows): Arguments => packRows(shape, rows) as Arguments
  return {
    sql: first.sql,
    all: async (rows) => {
      const found: Row[] = []
      for (const some of slices(rows, rowCounts)) {
        for (const row of await statementFor(some.length).all(pack(some))) {
          found.push(row)
        }
      }
      return found
    },
    run: async (rows) => {
      for (const some of slices(rows, rowCounts)) {
        await statementFor(some.length).run(pack(some))
      }
    },
  }
}

/** Cut into the numbers of rows that statements take; into as few as can be if they take any number. */
function* slices(rows: Rows, counts: readonly number[] | undefined): Generator<Rows> {
  let from = 0
  for (const count of counts ?? MAX_ROWS) {
    while (rows.length - from >= count) {
      yield rows.slice(from, (from += count))
    }
  }
  if (from < rows.length) {
    yield from === 0 ? rows : rows.slice(from)
  }
}
