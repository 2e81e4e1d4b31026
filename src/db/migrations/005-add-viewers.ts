import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import type { Dialect } from '../statements/dialect.ts'

/**
 * What is stored of viewers: whom they follow, what they asked to see less of, and what they have seen.
 * Following feeds find the posts of an author in `author_post`.
 */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const { keyText, bigint } = dialect
  const clustered = dialect.clustered ?? sql``
  await db.schema
    .createTable('viewer')
    .addColumn('did', keyText, (column) => column.primaryKey())
    .addColumn('asked_us', bigint, (column) => column.notNull())
    .addColumn('walked_us', bigint, (column) => column.notNull().defaultTo(-1))
    .addColumn('heard_us', bigint, (column) => column.notNull().defaultTo(-1))
    .addColumn('changes', bigint, (column) => column.notNull().defaultTo(0))
    .execute()
  await sql`create index viewer_unheard on viewer (did) where heard_us < 0`.execute(db)
  await db.schema
    .createTable('follow')
    .addColumn('viewer', keyText, (column) => column.notNull())
    .addColumn('rkey', keyText, (column) => column.notNull())
    .addColumn('subject', 'text')
    .addColumn('rev', 'text', (column) => column.notNull())
    .addColumn('told_us', bigint, (column) => column.notNull())
    .addPrimaryKeyConstraint('follow_key', ['viewer', 'rkey'])
    .modifyEnd(clustered)
    .execute()
  await db.schema
    .createTable('less')
    .addColumn('viewer', keyText, (column) => column.notNull())
    .addColumn('uri', keyText, (column) => column.notNull())
    .addColumn('asked_us', bigint, (column) => column.notNull())
    .addColumn('until_us', bigint, (column) => column.notNull())
    .addPrimaryKeyConstraint('less_key', ['viewer', 'uri'])
    .modifyEnd(clustered)
    .execute()
  await db.schema.createIndex('less_asked').on('less').columns(['asked_us', 'viewer']).execute()
  await db.schema
    .createTable('seen')
    .addColumn('viewer', keyText, (column) => column.notNull())
    .addColumn('uri', keyText, (column) => column.notNull())
    .addPrimaryKeyConstraint('seen_key', ['viewer', 'uri'])
    .modifyEnd(clustered)
    .execute()
  await db.schema
    .createTable('author_post')
    .addColumn('filter_id', bigint, (column) => column.notNull())
    .addColumn('did', keyText, (column) => column.notNull())
    .addColumn('indexed_at', bigint, (column) => column.notNull())
    .addColumn('cid', keyText, (column) => column.notNull())
    .addColumn('rkey', keyText, (column) => column.notNull())
    .addPrimaryKeyConstraint('author_post_key', ['filter_id', 'did', 'indexed_at', 'cid', 'rkey'])
    .modifyEnd(clustered)
    .execute()
}
