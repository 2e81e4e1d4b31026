import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import type { Dialect } from '../statements/dialect.ts'

/**
 * Two clocks for each account, its latest frames, and what is still to be moved of accounts that have
 * come or gone. `account.time` is somebody else's clock: one that is ahead of ours is brought back to it.
 */
export async function up(
  db: Kysely<unknown>,
  { keyText, bigint }: Dialect,
  nowUs: number,
): Promise<void> {
  await db.schema
    .alterTable('account')
    .addColumn('told_us', bigint, (column) => column.notNull().defaultTo(-1))
    .execute()
  await db.schema.alterTable('account').addColumn('frames', 'text').execute()
  await sql`update account set time_us = ${sql.lit(nowUs)} where time_us > ${sql.lit(nowUs)}`.execute(
    db,
  )
  await sql`update account set told_us = time_us where time_us >= 0`.execute(db)
  await db.schema.alterTable('account').dropColumn('seq').execute()

  // Few rows: those that are asked for at their own servers if they go on writing.
  await sql`create index account_deactivated on account (did)
    where active = 0 and status = 'deactivated'`.execute(db)

  await db.schema
    .createTable('account_move')
    .addColumn('account_id', bigint, (column) => column.primaryKey())
    .addColumn('did', keyText, (column) => column.notNull())
    .addColumn('shown_before', 'integer', (column) => column.notNull())
    .addColumn('shown_from', keyText)
    .addColumn('counted_before', 'integer', (column) => column.notNull())
    .addColumn('counted_to', bigint, (column) => column.notNull())
    .addColumn('erase_to', bigint, (column) => column.notNull())
    .addColumn('erases_marks', 'integer', (column) => column.notNull())
    .addColumn('hides', 'integer', (column) => column.notNull())
    .execute()

  await db.schema
    .createTable('hidden_author')
    .addColumn('uri_prefix', keyText, (column) => column.primaryKey())
    .execute()
}
