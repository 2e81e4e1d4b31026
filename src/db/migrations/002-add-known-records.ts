import type { Kysely } from 'kysely'
import type { Dialect } from '../statements/dialect.ts'

/** What ingest needs to know which records are stored without looking for each of them. */
export async function up(db: Kysely<unknown>, { keyText }: Dialect): Promise<void> {
  // Record keys are times: the latest of them are read at the start, and what comes is appended.
  await db.schema.createIndex('post_rkey').on('post').column('rkey').execute()

  await db.schema
    .createTable('ingest_writer')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('writer', keyText, (column) => column.notNull())
    .execute()
}
