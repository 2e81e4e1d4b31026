import { sql } from 'kysely'
import type { ReadDatabase } from '../../db/database.ts'

/** How much the database takes, in bytes, as its engine tells it. */
export function createDatabaseSize(reader: ReadDatabase): () => Promise<number | undefined> {
  const isSqlite = reader.dialect.name === 'sqlite'
  const statement = reader.prepare<object, { bytes: number | string }>(() =>
    isSqlite
      ? sql<{ bytes: number }>`select page_count * page_size as bytes
          from pragma_page_count() cross join pragma_page_size()`
      : sql<{ bytes: string }>`select pg_database_size(current_database())::text as bytes`,
  )
  return async () => {
    const [row] = await statement.all({})
    return row === undefined ? undefined : Number(row.bytes)
  }
}
