import { sql } from 'kysely'
import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
import type { Dialect } from '../statements/dialect.ts'

export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const { keyText, bigint } = dialect
  // An id is never given twice: rows of other tables, and readers, may still know it.
  const id = dialect.name === 'sqlite' ? 'integer' : 'bigserial'
  const identity = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder =>
    dialect.name === 'sqlite' ? column.primaryKey().autoIncrement() : column.primaryKey()
  const clustered = dialect.clustered ?? sql``

  await db.schema
    .createTable('account')
    .addColumn('id', id, identity)
    .addColumn('did', keyText, (column) => column.notNull().unique())
    .addColumn('active', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('status', 'text')
    .addColumn('time_us', bigint, (column) => column.notNull().defaultTo(-1))
    .addColumn('seq', bigint, (column) => column.notNull().defaultTo(-1))
    .addColumn('erased_us', bigint, (column) => column.notNull().defaultTo(-1))
    .execute()

  await db.schema
    .createTable('post')
    .addColumn('id', id, identity)
    .addColumn('account_id', bigint, (column) => column.notNull().references('account.id'))
    .addColumn('rkey', keyText, (column) => column.notNull())
    .addColumn('rev', keyText, (column) => column.notNull())
    .addColumn('cid', keyText, (column) => column.notNull())
    .addColumn('indexed_at', bigint, (column) => column.notNull())
    .addColumn('tags', 'text', (column) => column.notNull())
    .addColumn('media', 'integer', (column) => column.notNull())
    .addColumn('languages', 'text', (column) => column.notNull())
    .addColumn('labels', 'text', (column) => column.notNull())
    .addUniqueConstraint('post_account_id_rkey', ['account_id', 'rkey'])
    .execute()
  // Retention takes the oldest first.
  await db.schema.createIndex('post_indexed_at').on('post').column('indexed_at').execute()

  // The rkey of a post is a TID, so that keys in this order are appended, not scattered.
  await db.schema
    .createTable('record_trace')
    .addColumn('rkey', keyText, (column) => column.notNull())
    .addColumn('did', keyText, (column) => column.notNull())
    .addColumn('collection', 'integer', (column) => column.notNull())
    .addColumn('rev', keyText, (column) => column.notNull())
    .addColumn('fate', 'integer', (column) => column.notNull())
    .addColumn('seen_us', bigint, (column) => column.notNull())
    .addPrimaryKeyConstraint('record_trace_key', ['rkey', 'did', 'collection'])
    .modifyEnd(clustered)
    .execute()

  // Few rows: an account that is erased finds those of its posts that are beyond the retention.
  await sql`create index record_trace_expired on record_trace (did) where fate = 2`.execute(db)

  await db.schema
    .createTable('post_tag')
    .addColumn('tag', keyText, (column) => column.notNull())
    .addColumn('indexed_at', bigint, (column) => column.notNull())
    .addColumn('cid', keyText, (column) => column.notNull())
    .addColumn('uri', keyText, (column) => column.notNull())
    .addColumn('post_id', bigint, (column) => column.notNull())
    .addPrimaryKeyConstraint('post_tag_key', ['tag', 'indexed_at', 'cid', 'uri'])
    .modifyEnd(clustered)
    .execute()

  // Record keys are TIDs here too: what comes is appended.
  await db.schema
    .createTable('engagement')
    .addColumn('rkey', keyText, (column) => column.notNull())
    .addColumn('account_id', bigint, (column) => column.notNull())
    .addColumn('kind', 'integer', (column) => column.notNull())
    .addColumn('rev', keyText, (column) => column.notNull())
    .addColumn('post_id', bigint, (column) => column.notNull())
    .addPrimaryKeyConstraint('engagement_key', ['rkey', 'account_id', 'kind'])
    .modifyEnd(clustered)
    .execute()
  // Whether an account has engaged before, and all that it has when it goes or comes back.
  await db.schema
    .createIndex('engagement_account')
    .on('engagement')
    .columns(['account_id', 'post_id', 'kind'])
    .execute()

  await db.schema
    .createTable('post_count')
    .addColumn('post_id', bigint, (column) => column.primaryKey())
    .addColumn('likes', 'integer', (column) => column.notNull())
    .addColumn('reposts', 'integer', (column) => column.notNull())
    .addColumn('replies', 'integer', (column) => column.notNull())
    .addColumn('quotes', 'integer', (column) => column.notNull())
    .addColumn('views', 'integer', (column) => column.notNull().defaultTo(0))
    .execute()

  await db.schema
    .createTable('filter')
    .addColumn('id', id, identity)
    .addColumn('hash', keyText, (column) => column.notNull().unique())
    .addColumn('definition', 'text', (column) => column.notNull())
    .addColumn('ready', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('used_us', bigint, (column) => column.notNull())
    .execute()

  await db.schema
    .createTable('filter_post')
    .addColumn('filter_id', bigint, (column) => column.notNull())
    .addColumn('indexed_at', bigint, (column) => column.notNull())
    .addColumn('cid', keyText, (column) => column.notNull())
    .addColumn('uri', keyText, (column) => column.notNull())
    .addColumn('post_id', bigint, (column) => column.notNull())
    .addPrimaryKeyConstraint('filter_post_key', ['filter_id', 'indexed_at', 'cid', 'uri'])
    .modifyEnd(clustered)
    .execute()

  await db.schema
    .createTable('ranking')
    .addColumn('key', keyText, (column) => column.primaryKey())
    .addColumn('generation', bigint)
    .addColumn('checked_us', bigint, (column) => column.notNull())
    .addColumn('duration_ms', bigint, (column) => column.notNull())
    .addColumn('candidates', bigint, (column) => column.notNull())
    .addColumn('live', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('problem', 'text')
    .execute()

  await db.schema
    .createTable('generation')
    .addColumn('id', id, identity)
    .addColumn('ranking_key', keyText, (column) => column.notNull())
    .addColumn('computed_us', bigint, (column) => column.notNull())
    .addColumn('superseded_us', bigint)
    .addColumn('served', 'integer', (column) => column.notNull().defaultTo(0))
    .execute()

  await db.schema
    .createTable('ranking_post')
    .addColumn('generation', bigint, (column) => column.notNull())
    .addColumn('rank', bigint, (column) => column.notNull())
    .addColumn('post_id', bigint, (column) => column.notNull())
    .addColumn('indexed_at', bigint, (column) => column.notNull())
    .addColumn('uri', keyText, (column) => column.notNull())
    .addColumn('why', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('ranking_post_key', ['generation', 'rank'])
    .modifyEnd(clustered)
    .execute()
  // A post that is gone leaves every generation at once.
  await db.schema.createIndex('ranking_post_post').on('ranking_post').column('post_id').execute()

  await db.schema
    .createTable('ingest_position')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('time_us', bigint, (column) => column.notNull())
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('disorder_us', bigint, (column) => column.notNull())
    .addColumn('lag_ms', bigint, (column) => column.notNull())
    .addColumn('committed_us', bigint, (column) => column.notNull())
    .execute()

  await db.schema
    .createTable('ingest_start')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('start_us', bigint, (column) => column.notNull())
    .execute()

  await db.schema
    .createTable('ingest_status')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('told_us', bigint, (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .execute()

  if (dialect.name === 'postgres') {
    // A page is read from the index alone where a vacuum has been: soon after the rows came.
    for (const table of ['post_tag', 'filter_post']) {
      await sql`alter table ${sql.table(table)} set (
        autovacuum_vacuum_insert_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0.01
      )`.execute(db)
    }
    // One row that is written all the time: its next version finds room on the same page.
    for (const table of ['ingest_position', 'ingest_status']) {
      await sql`alter table ${sql.table(table)} set (fillfactor = 20)`.execute(db)
    }
  }
}
