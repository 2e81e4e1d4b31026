import { sql } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import { prepareRows } from '../../db/statements/rowsStatement.ts'
import { ENGAGEMENT } from '../../posts/storedCodes.ts'
import type { StoredTimes } from './engagementTally.ts'

export interface EngagementRow {
  readonly rkey: string
  readonly account_id: number
  readonly kind: number
  readonly rev: string
  readonly post_id: number
}

/** The post that an engagement is for, as far as it is kept. */
export interface SubjectRow {
  readonly id: number
  readonly did: string
  readonly rkey: string
  readonly indexed_at: number
}

const KEY = { rkey: 'text', account_id: 'integer', kind: 'integer' } as const
const DELTA = {
  post_id: 'integer',
  likes: 'integer',
  reposts: 'integer',
  replies: 'integer',
  quotes: 'integer',
  views: 'integer',
} as const

/** The SQL of engagement and of the counts that follow from it. */
export function prepareEngagements(database: WriteDatabase) {
  const add = sql`on conflict (post_id) do update set
    likes = post_count.likes + excluded.likes, reposts = post_count.reposts + excluded.reposts,
    replies = post_count.replies + excluded.replies, quotes = post_count.quotes + excluded.quotes,
    views = post_count.views + excluded.views`
  return {
    subjectsByKey: prepareRows<SubjectRow>(
      database,
      { did: 'text', rkey: 'text' },
      (rows) => sql`select post.id, account.did, post.rkey, post.indexed_at from ${rows} as r
        cross join account cross join post
        where account.did = r.did and post.account_id = account.id and post.rkey = r.rkey`,
    ),
    engagementsByKey: prepareRows<EngagementRow>(
      database,
      KEY,
      (rows) => sql`select e.rkey, e.account_id, e.kind, e.rev, e.post_id from ${rows} as r
        cross join engagement as e
        where e.rkey = r.rkey and e.account_id = r.account_id and e.kind = r.kind`,
    ),
    /** How often each account engages with each post: a second like of the same post counts nothing. */
    engagementTimes: prepareRows<StoredTimes>(
      database,
      { account_id: 'integer', post_id: 'integer', kind: 'integer' },
      (rows) => sql`select e.account_id, e.post_id, e.kind, count(*) as times from ${rows} as r
        cross join engagement as e
        where e.account_id = r.account_id and e.post_id = r.post_id and e.kind = r.kind
        group by e.account_id, e.post_id, e.kind`,
    ),
    upsertEngagements: prepareRows(
      database,
      { ...KEY, rev: 'text', post_id: 'integer' },
      (rows) => sql`insert into engagement (rkey, account_id, kind, rev, post_id)
        select rkey, account_id, kind, rev, post_id from ${rows} as r where true
        on conflict (rkey, account_id, kind) do update set
          rev = excluded.rev, post_id = excluded.post_id`,
    ),
    deleteEngagements: prepareRows(
      database,
      KEY,
      (rows) => sql`delete from engagement where (rkey, account_id, kind) in
        (select rkey, account_id, kind from ${rows} as r)`,
    ),
    addToCounts: prepareRows(
      database,
      DELTA,
      (rows) => sql`insert into post_count (post_id, likes, reposts, replies, quotes, views)
        select r.post_id, r.likes, r.reposts, r.replies, r.quotes, r.views from ${rows} as r
        cross join post where post.id = r.post_id ${add}`,
    ),
    /**
     * What an account does for some posts, by their ids, is added to their counts, or taken from them.
     */
    addAccountToCounts: database.prepare<{
      accountId: number
      sign: number
      after: number
      to: number
    }>(
      (
        parameter,
      ) => sql<never>`insert into post_count (post_id, likes, reposts, replies, quotes, views)
        select e.post_id, sum(case when e.kind = ${sql.lit(ENGAGEMENT.like)} then e.sign else 0 end),
          sum(case when e.kind = ${sql.lit(ENGAGEMENT.repost)} then e.sign else 0 end),
          sum(case when e.kind = ${sql.lit(ENGAGEMENT.reply)} then e.sign else 0 end),
          sum(case when e.kind = ${sql.lit(ENGAGEMENT.quote)} then e.sign else 0 end),
          sum(case when e.kind = ${sql.lit(ENGAGEMENT.view)} then e.sign else 0 end)
        from (select distinct post_id, kind, cast(${parameter('sign')} as integer) as sign
          from engagement where account_id = ${parameter('accountId')}
            and post_id > ${parameter('after')} and post_id <= ${parameter('to')}) as e
        cross join post where post.id = e.post_id group by e.post_id ${add}`,
    ),
    deleteOfAccount: database.prepare<{ accountId: number; to: number }>(
      (parameter) => sql<never>`delete from engagement where account_id = ${parameter('accountId')}
        and post_id <= ${parameter('to')}`,
    ),
    deleteRanked: prepareRows(
      database,
      { post_id: 'integer' },
      (rows) => sql`delete from ranking_post where post_id in (select post_id from ${rows} as r)`,
    ),
    deleteCounts: prepareRows(
      database,
      { post_id: 'integer' },
      (rows) => sql`delete from post_count where post_id in (select post_id from ${rows} as r)`,
    ),
  }
}
