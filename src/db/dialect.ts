import { sql } from 'kysely'
import type { ColumnDataType, RawBuilder } from 'kysely'

type ColumnType = 'text' | 'integer'

/** Rows that travel to the database as one JSON parameter: column name → type. */
export type RowShape = Readonly<Record<string, ColumnType>>

/** Everything in which the engines' SQL differs. Nothing outside `src/db` knows which engine it is. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres'
  /** Column type of text that is compared by bytes, as every key of a page is. */
  readonly keyText: ColumnDataType | RawBuilder<unknown>
  readonly bigint: ColumnDataType
  /** Ends a `create table` whose rows are stored in the order of the primary key, where that exists. */
  readonly clustered: RawBuilder<unknown> | undefined
  /** A parameter in WHERE or LIMIT. */
  readonly parameter: <T>(value: T, type: ColumnType) => RawBuilder<T>
  /** The rows of a JSON array of arrays, as a table expression with the named columns. */
  readonly rowsFrom: (json: RawBuilder<string>, shape: RowShape) => RawBuilder<unknown>
}

/**
 * SQLite. A bare `?` in WHERE or LIMIT makes it plan the statement anew at every call; `+?` hides the
 * value from the planner, so that the plan is kept.
 */
export const sqliteDialect: Dialect = {
  name: 'sqlite',
  keyText: 'text',
  bigint: 'integer',
  clustered: sql`without rowid`,
  parameter: (value) => sql`+${value}`,
  rowsFrom: (json, shape) => {
    const columns = Object.keys(shape).map(
      (name, index) => sql`value ->> ${sql.lit(index)} as ${sql.ref(name)}`,
    )
    return sql`(select ${sql.join(columns)} from json_each(${json}))`
  },
}
