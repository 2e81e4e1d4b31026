import type { Kysely } from 'kysely'
import type { Dialect } from '../statements/dialect.ts'

/** What the stream lacks for good is remembered, so that it is reported once. */
export async function up(db: Kysely<unknown>, { bigint }: Dialect): Promise<void> {
  await db.schema
    .createTable('ingest_gap')
    .addColumn('from_us', bigint, (column) => column.primaryKey())
    .addColumn('to_us', bigint, (column) => column.notNull())
    .addColumn('seen_us', bigint, (column) => column.notNull())
    .execute()
}
