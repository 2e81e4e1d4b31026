import { sql } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import { prepareRows } from '../../db/statements/rowsStatement.ts'
import { ENGAGEMENT, FATE, TRACED } from '../../posts/storedCodes.ts'

export interface TraceRow {
  readonly rkey: string
  readonly did: string
  readonly collection: number
  readonly rev: string
  readonly fate: number
}

/** The SQL of records that are not kept, and of which the revision is remembered. */
export function prepareTraces(database: WriteDatabase) {
  return {
    tracesByKey: prepareRows<TraceRow>(
      database,
      { rkey: 'text', did: 'text', collection: 'integer' },
      (rows) => sql`select t.rkey, t.did, t.collection, t.rev, t.fate from ${rows} as r
        cross join record_trace as t
        where t.rkey = r.rkey and t.did = r.did and t.collection = r.collection`,
    ),
    upsertTraces: prepareRows(
      database,
      {
        rkey: 'text',
        did: 'text',
        collection: 'integer',
        rev: 'text',
        fate: 'integer',
        seen_us: 'integer',
      },
      (rows) => sql`insert into record_trace (rkey, did, collection, rev, fate, seen_us)
        select rkey, did, collection, rev, fate, seen_us from ${rows} as r where true
        on conflict (rkey, did, collection) do update set rev = excluded.rev,
          fate = excluded.fate, seen_us = excluded.seen_us`,
    ),
    /** What an account had beyond the retention is erased with it. */
    expiredOfAccount: database.prepare<{ did: string; limit: number }, { rkey: string }>(
      (parameter) => sql<{ rkey: string }>`select rkey from record_trace
        where did = ${parameter('did')} and fate = ${sql.lit(FATE.expired)}
        limit ${parameter('limit')}`,
    ),
    eraseExpired: prepareRows(
      database,
      { rkey: 'text', did: 'text', collection: 'integer' },
      (
        rows,
      ) => sql`update record_trace set fate = ${sql.lit(FATE.deleted)} where (rkey, did, collection) in
        (select rkey, did, collection from ${rows} as r)`,
    ),
    /** What posts do for others stays theirs. */
    traceOfAccount: database.prepare<{
      accountId: number
      did: string
      nowUs: number
      to: number
    }>(
      (parameter) => sql<never>`insert into record_trace (rkey, did, collection, rev, fate, seen_us)
        select e.rkey, ${parameter('did')},
          case e.kind when ${sql.lit(ENGAGEMENT.like)} then ${sql.lit(TRACED.like)}
            else ${sql.lit(TRACED.repost)} end,
          e.rev, ${sql.lit(FATE.deleted)}, ${parameter('nowUs')}
        from engagement as e where e.account_id = ${parameter('accountId')}
          and e.kind in (${sql.lit(ENGAGEMENT.like)}, ${sql.lit(ENGAGEMENT.repost)})
          and e.post_id <= ${parameter('to')}
        on conflict (rkey, did, collection) do update set rev = excluded.rev,
          fate = excluded.fate, seen_us = excluded.seen_us`,
    ),
    deleteTraces: prepareRows(
      database,
      { rkey: 'text', did: 'text', collection: 'integer' },
      (rows) => sql`delete from record_trace where (rkey, did, collection) in
        (select rkey, did, collection from ${rows} as r)`,
    ),
  }
}
