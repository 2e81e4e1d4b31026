import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import { prepareTuples } from '../db/statements/tuplesStatement.ts'
import { isAuthorShown } from '../posts/isAuthorShown.ts'
import { FATE, TRACED } from '../posts/storedCodes.ts'

/** A place in a feed. */
export type PageTuple = readonly [indexedAt: number, cid: string, uri: string]

export interface PageArgs {
  readonly filterId: number
  /** The place below which the page begins. */
  readonly indexedAt: number
  readonly cid: string
  readonly uri: string
  /** Older posts are not shown. */
  readonly oldest: number
  readonly limit: number
}

export type PageStatements = ReturnType<typeof preparePageStatements>

interface AuthorPostRow {
  readonly indexed_at: number
  readonly cid: string
  readonly did: string
  readonly rkey: string
}

/** Of one statement of `byAuthor`: so many rows mean that there may be more. */
export const MAX_BY_AUTHOR = 2_000

const POST_URI = sql`('at://' || p.did || '/app.bsky.feed.post/' || p.rkey)`

/** All SQL of a page, prepared once and shared by all feeds of a connection. */
export function preparePageStatements(database: ReadDatabase) {
  return {
    /** The posts of a filter below a place and not older than a moment: one seek, one short scan. */
    recent: prepareTuples<PageArgs, PageTuple>(
      database,
      { indexed_at: 'integer', cid: 'text', uri: 'text' },
      // The row-value form seeks; the same written with `or` scans from the top.
      (parameter) => sql`select indexed_at, cid, uri from filter_post
        where filter_id = ${parameter('filterId')}
          and (indexed_at, cid, uri) <
            (${parameter('indexedAt')}, ${parameter('cid')}, ${parameter('uri')})
          and indexed_at >= ${parameter('oldest')} and ${isAuthorShown(sql`filter_post.uri`)}
        order by indexed_at desc, cid desc, uri desc limit ${parameter('limit')}`,
    ),
    /** The posts of some authors below a place and not older than a moment, in no order. */
    byAuthor: prepareRows<AuthorPostRow>(
      database,
      {
        filter_id: 'integer',
        did: 'text',
        indexed_at: 'integer',
        cid: 'text',
        uri: 'text',
        oldest: 'integer',
      },
      (rows) => sql`select p.indexed_at, p.cid, p.did, p.rkey from ${rows} as r
        cross join author_post as p
        where p.filter_id = r.filter_id and p.did = r.did and p.indexed_at >= r.oldest
          and p.indexed_at <= r.indexed_at
          and (p.indexed_at, p.cid, ${POST_URI}) < (r.indexed_at, r.cid, r.uri)
          and ${isAuthorShown(POST_URI)}
        limit ${sql.lit(MAX_BY_AUTHOR)}`,
    ),
    /**
     * Whether a post that is not necessarily kept may be shown: one row, 1 for gone or hidden. A like or
     * repost of its author may have the same record key: the trace asked for is that of a post.
     */
    isGone: database.prepare<{ did: string; rkey: string }, { gone: number }>(
      (parameter) => sql<{ gone: number }>`select case
        when exists (select 1 from record_trace where rkey = ${parameter('rkey')}
          and did = ${parameter('did')} and collection = ${sql.lit(TRACED.post)} and fate = ${sql.lit(FATE.deleted)}) then 1
        when exists (select 1 from account where did = ${parameter('did')} and active = 0) then 1
        when exists (select 1 from hidden_author
          where uri_prefix = 'at://' || ${parameter('did')} || '/') then 1
        else 0 end as gone`,
    ),
  }
}
