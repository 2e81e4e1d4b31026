import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import type { Dialect } from '../statements/dialect.ts'

/** How many visible posts each tag has in each hour: which tags are worth counting. */
export async function up(
  db: Kysely<unknown>,
  { keyText, bigint, clustered }: Dialect,
): Promise<void> {
  const table = db.schema
    .createTable('tag_hour')
    .addColumn('tag', keyText, (column) => column.notNull())
    .addColumn('hour', bigint, (column) => column.notNull())
    .addColumn('posts', bigint, (column) => column.notNull())
    .addPrimaryKeyConstraint('tag_hour_key', ['tag', 'hour'])
  await (clustered === undefined ? table : table.modifyEnd(clustered)).execute()
  await sql`insert into tag_hour (hour, tag, posts)
    select indexed_at / 3600000000, tag, count(*) from post_tag group by 1, 2`.execute(db)
  await db.schema
    .createIndex('tag_hour_posts')
    .on('tag_hour')
    .columns(['hour', 'posts', 'tag'])
    .execute()
}
