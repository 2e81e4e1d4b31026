import type { Kysely } from 'kysely'
import type { Dialect } from '../statements/dialect.ts'

/** What happens to posts, in the order in which it was stored: seven days of it. */
export async function up(
  db: Kysely<unknown>,
  { keyText, bigint, clustered }: Dialect,
): Promise<void> {
  await db.schema
    .createTable('activity')
    .addColumn('seq', bigint, (column) => column.primaryKey())
    .addColumn('kind', 'integer', (column) => column.notNull())
    .addColumn('at_us', bigint, (column) => column.notNull())
    .addColumn('account_id', bigint, (column) => column.notNull())
    .addColumn('rkey', keyText)
    .addColumn('cid', keyText)
    .addColumn('tags', 'text')
    .addColumn('tags_before', 'text')
    .addColumn('active', 'integer')
    .addColumn('status', 'text')
    .execute()
  // What an account has done is erased with it.
  await db.schema
    .createIndex('activity_account')
    .on('activity')
    .columns(['account_id', 'seq'])
    .execute()

  const byTag = db.schema
    .createTable('activity_tag')
    .addColumn('tag', keyText, (column) => column.notNull())
    .addColumn('kind', 'integer', (column) => column.notNull())
    .addColumn('seq', bigint, (column) => column.notNull())
    .addPrimaryKeyConstraint('activity_tag_key', ['tag', 'kind', 'seq'])
  await (clustered === undefined ? byTag : byTag.modifyEnd(clustered)).execute()

  await db.schema
    .createTable('activity_log')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('last_seq', bigint, (column) => column.notNull())
    .addColumn('last_at_us', bigint, (column) => column.notNull())
    .addColumn('pruned_seq', bigint, (column) => column.notNull())
    .execute()

  await db.schema
    .alterTable('account_move')
    .addColumn('events_to', bigint, (column) => column.notNull().defaultTo(0))
    .execute()
}
