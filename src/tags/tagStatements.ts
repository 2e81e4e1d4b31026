import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import { prepareTuples } from '../db/statements/tuplesStatement.ts'
import { isAuthorShown } from '../posts/isAuthorShown.ts'

export type TagStatements = ReturnType<typeof prepareTagStatements>

interface HourArgs {
  readonly hour: number
  readonly limit: number
}

interface HourRow {
  readonly tag: string
  readonly posts: number
}

/** All SQL that counts by tag, prepared once a connection. */
export function prepareTagStatements(database: ReadDatabase) {
  return {
    /** The tags of an hour with the most posts. */
    topOfHour: database.prepare<HourArgs, HourRow>(
      (parameter) => sql<HourRow>`select tag, posts from tag_hour
        where hour = ${parameter('hour')}
        order by hour desc, posts desc, tag desc limit ${parameter('limit')}`,
    ),
    /** The same of the tags from one up to another: all of the hour are looked through. */
    topOfHourBetween: database.prepare<HourArgs & { from: string; to: string }, HourRow>(
      (parameter) => sql<HourRow>`select tag, posts from tag_hour
        where hour = ${parameter('hour')}
          and tag || '' >= ${parameter('from')} and tag || '' < ${parameter('to')}
        order by hour desc, posts desc, tag desc limit ${parameter('limit')}`,
    ),
    /** How many posts some tags have in some hours. */
    postsInHours: prepareRows<HourRow>(
      database,
      { tag: 'text', from_hour: 'integer', to_hour: 'integer' },
      (
        rows,
      ) => sql<HourRow>`select r.tag, (select cast(coalesce(sum(posts), 0) as bigint) from tag_hour
          where hour >= r.from_hour and hour <= r.to_hour and tag_hour.tag = r.tag) as posts
        from ${rows} as r`,
    ),
    /** The posts of a tag below a place, newest first. */
    postsOfTag: prepareTuples<
      { tag: string; indexedAt: number; cid: string; uri: string; oldest: number; limit: number },
      readonly [indexedAt: number, cid: string, uri: string]
    >(
      database,
      { indexed_at: 'integer', cid: 'text', uri: 'text' },
      (parameter) => sql`select indexed_at, cid, uri from post_tag
        where tag = ${parameter('tag')} and (indexed_at, cid, uri) <
            (${parameter('indexedAt')}, ${parameter('cid')}, ${parameter('uri')})
          and indexed_at >= ${parameter('oldest')} and ${isAuthorShown(sql`post_tag.uri`)}
        order by tag desc, indexed_at desc, cid desc, uri desc limit ${parameter('limit')}`,
    ),
  }
}
