import type { Kysely } from 'kysely'
import type { Dialect } from '../statements/dialect.ts'

/** The record of each post as it is now, apart from what a page of a feed reads. */
export async function up(db: Kysely<unknown>, { keyText, bigint }: Dialect): Promise<void> {
  await db.schema
    .createTable('post_record')
    .addColumn('post_id', bigint, (column) => column.primaryKey())
    .addColumn('cid', keyText, (column) => column.notNull())
    .addColumn('created_us', bigint, (column) => column.notNull())
    .addColumn('record', 'text')
    .execute()
}
