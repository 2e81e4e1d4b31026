import { sql } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import type { ActivityTable } from '../../db/schema.ts'
import { prepareRows } from '../../db/statements/rowsStatement.ts'

/** A row of the log, as far as its rows by tag follow from it. */
export type LoggedRow = Pick<ActivityTable, 'seq' | 'kind' | 'at_us' | 'tags' | 'tags_before'>

/** The SQL that writes the log of what happens to posts. */
export function prepareActivity(database: WriteDatabase) {
  return {
    readLog: database.prepare<object, { last_seq: number; last_at_us: number }>(
      () => sql<{ last_seq: number; last_at_us: number }>`select last_seq, last_at_us
        from activity_log where id = 1`,
    ),
    saveLog: database.prepare<{ lastSeq: number; lastAtUs: number }>(
      ({ value }) => sql<never>`insert into activity_log (id, last_seq, last_at_us, pruned_seq)
        values (1, ${value('lastSeq')}, ${value('lastAtUs')}, 0)
        on conflict (id) do update set last_seq = excluded.last_seq,
          last_at_us = excluded.last_at_us`,
    ),
    savePruned: database.prepare<{ prunedSeq: number }>(
      ({ value }) => sql<never>`update activity_log set pruned_seq = ${value('prunedSeq')}
        where id = 1`,
    ),
    insertActivity: prepareRows(
      database,
      {
        seq: 'integer',
        kind: 'integer',
        at_us: 'integer',
        account_id: 'integer',
        rkey: 'text',
        cid: 'text',
        tags: 'text',
        tags_before: 'text',
        active: 'integer',
        status: 'text',
      },
      (rows) => sql`insert into activity
        (seq, kind, at_us, account_id, rkey, cid, tags, tags_before, active, status)
        select seq, kind, at_us, account_id, rkey, cid, tags, tags_before, active, status
        from ${rows} as r where true`,
    ),
    insertActivityTags: prepareRows(
      database,
      { tag: 'text', kind: 'integer', seq: 'integer' },
      (rows) => sql`insert into activity_tag (tag, kind, seq)
        select tag, kind, seq from ${rows} as r where true`,
    ),
    deleteActivity: prepareRows(
      database,
      { seq: 'integer' },
      (rows) => sql`delete from activity where seq in (select seq from ${rows} as r)`,
    ),
    deleteActivityTags: prepareRows(
      database,
      { tag: 'text', kind: 'integer', seq: 'integer' },
      (rows) => sql`delete from activity_tag where (tag, kind, seq) in
        (select tag, kind, seq from ${rows} as r)`,
    ),
    /** Of one account, the latest first. */
    activityOfAccount: database.prepare<
      { accountId: number; lastSeq: number; limit: number },
      LoggedRow
    >(
      (parameter) => sql<LoggedRow>`select seq, kind, at_us, tags, tags_before from activity
        where account_id = ${parameter('accountId')} and seq <= ${parameter('lastSeq')}
        order by account_id desc, seq desc limit ${parameter('limit')}`,
    ),
    oldestActivity: database.prepare<{ limit: number }, LoggedRow>(
      (parameter) => sql<LoggedRow>`select seq, kind, at_us, tags, tags_before from activity
        order by seq limit ${parameter('limit')}`,
    ),
    /** Whether an account has posts here, or had some lately. */
    isAccountOfPosts: database.prepare<{ did: string }, { found: number }>(
      (parameter) => sql<{ found: number }>`select 1 as found from account
        where did = ${parameter('did')}
          and (exists (select 1 from post where post.account_id = account.id)
            or exists (select 1 from activity where activity.account_id = account.id))`,
    ),
  }
}
