import { sql } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import type { AccountMoveTable } from '../../db/schema.ts'
import { prepareRows } from '../../db/statements/rowsStatement.ts'

/** The SQL of accounts that have come or gone, and of which something is still to be moved. */
export function prepareMoves(database: WriteDatabase) {
  return {
    accountMoves: database.prepare<object, AccountMoveTable>((_parameter, db) =>
      db.selectFrom('account_move').selectAll(),
    ),
    saveAccountMoves: prepareRows(
      database,
      {
        account_id: 'integer',
        did: 'text',
        shown_before: 'integer',
        shown_from: 'text',
        counted_before: 'integer',
        counted_to: 'integer',
        erase_to: 'integer',
        erases_marks: 'integer',
        hides: 'integer',
        events_to: 'integer',
      },
      (rows) => sql`insert into account_move (account_id, did, shown_before, shown_from,
          counted_before, counted_to, erase_to, erases_marks, hides, events_to)
        select account_id, did, shown_before, shown_from, counted_before, counted_to, erase_to,
          erases_marks, hides, events_to from ${rows} as r where true
        on conflict (account_id) do update set shown_before = excluded.shown_before,
          shown_from = excluded.shown_from, counted_before = excluded.counted_before,
          counted_to = excluded.counted_to, erase_to = excluded.erase_to,
          erases_marks = excluded.erases_marks, hides = excluded.hides,
          events_to = excluded.events_to`,
    ),
    deleteAccountMoves: prepareRows(
      database,
      { account_id: 'integer' },
      (rows) =>
        sql`delete from account_move where account_id in (select account_id from ${rows} as r)`,
    ),
    addHiddenAuthors: prepareRows(
      database,
      { uri_prefix: 'text' },
      (rows) => sql`insert into hidden_author (uri_prefix)
        select uri_prefix from ${rows} as r where true on conflict do nothing`,
    ),
    deleteHiddenAuthors: prepareRows(
      database,
      { uri_prefix: 'text' },
      (rows) =>
        sql`delete from hidden_author where uri_prefix in (select uri_prefix from ${rows} as r)`,
    ),
    /** Every post that is stored later has a higher id. */
    lastPostId: database.prepare<object, { id: number | null }>((_parameter, db) =>
      db.selectFrom('post').select((select) => select.fn.max('id').as('id')),
    ),
    /** The post of the n-th engagement of an account after, or before, those of some post. */
    engagedAfter: database.prepare<
      { accountId: number; postId: number; limit: number },
      { post_id: number }
    >(
      (parameter) => sql<{ post_id: number }>`select post_id from engagement
        where account_id = ${parameter('accountId')} and post_id > ${parameter('postId')}
        order by post_id limit ${parameter('limit')}`,
    ),
    engagedUpTo: database.prepare<
      { accountId: number; postId: number; limit: number },
      { post_id: number }
    >(
      (parameter) => sql<{ post_id: number }>`select post_id from engagement
        where account_id = ${parameter('accountId')} and post_id <= ${parameter('postId')}
        order by post_id desc limit ${parameter('limit')}`,
    ),
  }
}
