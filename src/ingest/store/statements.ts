import { sql } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import type { PostTagTable } from '../../db/schema.ts'
import { prepareRows } from '../../db/statements/rowsStatement.ts'
import type { StoredFacts } from '../../posts/storedFacts.ts'
import { prepareEngagements } from './prepareEngagements.ts'
import { prepareMoves } from './prepareMoves.ts'

export interface AccountRow {
  readonly id: number
  readonly did: string
  readonly active: number
  readonly status: string | null
  readonly time_us: number
  readonly told_us: number
  readonly frames: string | null
  readonly erased_us: number
}

export interface PostRow extends StoredFacts {
  readonly id: number
  readonly did: string
  readonly rkey: string
  readonly rev: string
  readonly cid: string
  readonly indexed_at: number
}

/** A row of `post_tag`, as far as the counts follow from it. */
export type TagRow = Pick<PostTagTable, 'tag' | 'indexed_at'>

/** All SQL that storing a batch runs, prepared once. */
export type Statements = ReturnType<typeof prepareStatements>

export function prepareStatements(database: WriteDatabase) {
  return {
    ...prepareAccounts(database),
    ...preparePosts(database),
    ...prepareEngagements(database),
    ...prepareDerived(database),
    ...prepareMoves(database),
    ...preparePosition(database),
  }
}

function prepareAccounts(database: WriteDatabase) {
  const columns = sql`account.id, account.did, account.active, account.status, account.time_us, account.told_us,
    account.frames, account.erased_us`
  return {
    accountsByDid: prepareRows<AccountRow>(
      database,
      { did: 'text' },
      (rows) =>
        sql`select ${columns} from ${rows} as r cross join account where account.did = r.did`,
    ),
    deactivatedAccounts: database.prepare<object, { did: string }>(
      () => sql<{ did: string }>`select did from account
        where active = 0 and status = 'deactivated'`,
    ),
    /** Answers only the accounts that were not there. */
    insertAccounts: prepareRows<{ id: number; did: string }>(
      database,
      { did: 'text' },
      (rows) => sql`insert into account (did) select did from ${rows} as r where true
        on conflict (did) do nothing returning id, did`,
    ),
    upsertAccounts: prepareRows(
      database,
      {
        did: 'text',
        active: 'integer',
        status: 'text',
        time_us: 'integer',
        told_us: 'integer',
        frames: 'text',
        erased_us: 'integer',
      },
      (rows) => sql`insert into account (did, active, status, time_us, told_us, frames, erased_us)
        select did, active, status, time_us, told_us, frames, erased_us from ${rows} as r where true
        on conflict (did) do update set active = excluded.active, status = excluded.status,
          time_us = excluded.time_us, told_us = excluded.told_us, frames = excluded.frames,
          erased_us = excluded.erased_us`,
    ),
  }
}

function preparePosts(database: WriteDatabase) {
  const columns = sql`post.id, account.did, post.rkey, post.rev, post.cid, post.indexed_at,
    post.tags, post.media, post.languages, post.labels`
  return {
    postsByKey: prepareRows<PostRow>(
      database,
      { did: 'text', rkey: 'text' },
      (rows) => sql`select ${columns} from ${rows} as r cross join account cross join post
        where account.did = r.did and post.account_id = account.id and post.rkey = r.rkey`,
    ),
    /** The posts of an account below a record key, the highest key first. */
    postsBelow: database.prepare<{ accountId: number; rkey: string; limit: number }, PostRow>(
      (parameter) => sql<PostRow>`select ${columns} from account cross join post
        where account.id = ${parameter('accountId')} and post.account_id = account.id
          and post.rkey < ${parameter('rkey')}
        order by post.rkey desc limit ${parameter('limit')}`,
    ),
    /** Those from a record key on, the lowest key first. */
    postsFrom: database.prepare<{ accountId: number; rkey: string; limit: number }, PostRow>(
      (parameter) => sql<PostRow>`select ${columns} from account cross join post
        where account.id = ${parameter('accountId')} and post.account_id = account.id
          and post.rkey >= ${parameter('rkey')}
        order by post.rkey limit ${parameter('limit')}`,
    ),
    /** Those with an id up to one. */
    postsUpTo: database.prepare<{ accountId: number; lastId: number; limit: number }, PostRow>(
      (parameter) => sql<PostRow>`select ${columns} from account cross join post
        where account.id = ${parameter('accountId')} and post.account_id = account.id
          and post.id <= ${parameter('lastId')}
        order by post.rkey desc limit ${parameter('limit')}`,
    ),
    /** The oldest posts, as long as they are older than a moment. */
    postsBefore: database.prepare<{ beforeUs: number; limit: number }, PostRow>(
      (parameter) => sql<PostRow>`select ${columns} from post
        cross join account where post.indexed_at < ${parameter('beforeUs')}
          and account.id = post.account_id
        order by post.indexed_at limit ${parameter('limit')}`,
    ),
    insertPosts: prepareRows<{ id: number; did: string; rkey: string }>(
      database,
      {
        account_id: 'integer',
        rkey: 'text',
        rev: 'text',
        cid: 'text',
        indexed_at: 'integer',
        tags: 'text',
        media: 'integer',
        languages: 'text',
        labels: 'text',
      },
      (rows) => sql`insert into post
        (account_id, rkey, rev, cid, indexed_at, tags, media, languages, labels)
        select account_id, rkey, rev, cid, indexed_at, tags, media, languages, labels
        from ${rows} as r where true
        returning id, (select did from account where account.id = account_id) as did, rkey`,
    ),
    updatePosts: prepareRows(
      database,
      {
        id: 'integer',
        rev: 'text',
        tags: 'text',
        media: 'integer',
        languages: 'text',
        labels: 'text',
      },
      (rows) => sql`update post set rev = r.rev, tags = r.tags, media = r.media,
        languages = r.languages, labels = r.labels from ${rows} as r where post.id = r.id`,
    ),
    upsertRecords: prepareRows(
      database,
      { post_id: 'integer', cid: 'text', created_us: 'integer', record: 'text' },
      (rows) => sql`insert into post_record (post_id, cid, created_us, record)
        select post_id, cid, created_us, record from ${rows} as r where true
        on conflict (post_id) do update set cid = excluded.cid,
          created_us = excluded.created_us, record = excluded.record`,
    ),
    deleteRecords: prepareRows(
      database,
      { id: 'integer' },
      (rows) => sql`delete from post_record where post_id in (select id from ${rows} as r)`,
    ),
    deletePosts: prepareRows(
      database,
      { id: 'integer' },
      (rows) => sql`delete from post where id in (select id from ${rows} as r)`,
    ),
  }
}

const AUTHOR_POST = {
  filter_id: 'integer',
  did: 'text',
  indexed_at: 'integer',
  cid: 'text',
  rkey: 'text',
} as const

function prepareDerived(database: WriteDatabase) {
  return {
    /** Answers only the rows that were not there. */
    insertTags: prepareRows<TagRow>(
      database,
      { tag: 'text', indexed_at: 'integer', cid: 'text', uri: 'text', post_id: 'integer' },
      (rows) => sql`insert into post_tag (tag, indexed_at, cid, uri, post_id)
        select tag, indexed_at, cid, uri, post_id from ${rows} as r where true
        on conflict do nothing returning tag, indexed_at`,
    ),
    /** Answers only the rows that were there. */
    deleteTags: prepareRows<TagRow>(
      database,
      { tag: 'text', indexed_at: 'integer', cid: 'text', uri: 'text' },
      (rows) => sql`delete from post_tag where (tag, indexed_at, cid, uri) in
        (select tag, indexed_at, cid, uri from ${rows} as r) returning tag, indexed_at`,
    ),
    addToHours: prepareRows(
      database,
      { hour: 'integer', tag: 'text', posts: 'integer' },
      (rows) => sql`insert into tag_hour (hour, tag, posts)
        select hour, tag, posts from ${rows} as r where true
        on conflict (tag, hour) do update set posts = tag_hour.posts + excluded.posts`,
    ),
    dropEmptyHours: prepareRows(
      database,
      { hour: 'integer', tag: 'text' },
      (rows) => sql`delete from tag_hour where (tag, hour) in (select tag, hour from ${rows} as r)
        and posts <= 0`,
    ),
    insertFilterPosts: prepareRows(
      database,
      { filter_id: 'integer', indexed_at: 'integer', cid: 'text', uri: 'text', post_id: 'integer' },
      (rows) => sql`insert into filter_post (filter_id, indexed_at, cid, uri, post_id)
        select filter_id, indexed_at, cid, uri, post_id from ${rows} as r where true
        on conflict do nothing`,
    ),
    insertAuthorPosts: prepareRows(
      database,
      AUTHOR_POST,
      (rows) => sql`insert into author_post (filter_id, did, indexed_at, cid, rkey)
        select filter_id, did, indexed_at, cid, rkey from ${rows} as r where true
        on conflict do nothing`,
    ),
    deleteAuthorPosts: prepareRows(
      database,
      AUTHOR_POST,
      (rows) => sql`delete from author_post where (filter_id, did, indexed_at, cid, rkey) in
        (select filter_id, did, indexed_at, cid, rkey from ${rows} as r)`,
    ),
    deleteFilterPosts: prepareRows(
      database,
      { filter_id: 'integer', indexed_at: 'integer', cid: 'text', uri: 'text' },
      (rows) => sql`delete from filter_post where (filter_id, indexed_at, cid, uri) in
        (select filter_id, indexed_at, cid, uri from ${rows} as r)`,
    ),
  }
}

function preparePosition(database: WriteDatabase) {
  return {
    /** Changes whenever a filter is added or dropped. */
    filterVersion: database.prepare<object, { version: string }>(
      () =>
        sql<{
          version: string
        }>`select count(*) || '/' || coalesce(max(id), 0) as version from filter`,
    ),
    savePosition: database.prepare<{
      timeUs: number
      host: string
      disorderUs: number
      lagMs: number
      committedUs: number
    }>(
      ({ value }) => sql<never>`insert into ingest_position
        (id, time_us, host, disorder_us, lag_ms, committed_us)
        values (1, ${value('timeUs')}, ${value('host')}, ${value('disorderUs')},
          ${value('lagMs')}, ${value('committedUs')})
        on conflict (id) do update set
          time_us = case when excluded.time_us > ingest_position.time_us
            then excluded.time_us else ingest_position.time_us end,
          host = case when excluded.time_us >= ingest_position.time_us
            then excluded.host else ingest_position.host end,
          disorder_us = case when excluded.time_us > ingest_position.time_us
              or excluded.disorder_us > ingest_position.disorder_us
            then excluded.disorder_us else ingest_position.disorder_us end,
          lag_ms = case when excluded.lag_ms >= 0 then excluded.lag_ms else ingest_position.lag_ms end,
          committed_us = case when excluded.time_us > ingest_position.time_us
            then excluded.committed_us else ingest_position.committed_us end`,
    ),
    saveGap: database.prepare<{ fromUs: number; toUs: number; seenUs: number }>(
      ({ value }) => sql<never>`insert into ingest_gap (from_us, to_us, seen_us)
        values (${value('fromUs')}, ${value('toUs')}, ${value('seenUs')})
        on conflict do nothing`,
    ),
  }
}
