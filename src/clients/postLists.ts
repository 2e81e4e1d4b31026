import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareTuples } from '../db/statements/tuplesStatement.ts'
import type { Keyset } from '../feeds/cursor.ts'
import { isAuthorShown } from '../posts/isAuthorShown.ts'
import { tagKey } from '../posts/tagKey.ts'

/** A visible post and its place. */
export type PostTuple = readonly [indexedAt: number, cid: string, uri: string, postId: number]

/** Posts in the order of their places, from a place on: below it, or above it when `isUp`. */
export type ReadList = (place: Keyset, limit: number, isUp: boolean) => Promise<PostTuple[]>

interface ListArgs {
  readonly key: string | number
  readonly indexedAt: number
  readonly cid: string
  readonly uri: string
  readonly oldest: number
  readonly limit: number
}

const SHAPE = { indexed_at: 'integer', cid: 'text', uri: 'text', post_id: 'integer' } as const

export type PostLists = ReturnType<typeof preparePostLists>

/** The lists of posts that queries are answered from: of a tag, and of the filter of a feed. */
export function preparePostLists(database: ReadDatabase) {
  const prepare = (table: 'post_tag' | 'filter_post', column: string, isUp: boolean) =>
    prepareTuples<ListArgs, PostTuple>(database, SHAPE, (parameter) => {
      const [compares, order]: RawBuilder<unknown>[] = isUp
        ? [sql`>`, sql`asc`]
        : [sql`<`, sql`desc`]
      // The row-value form seeks; the same written with `or` scans from the top.
      return sql`select indexed_at, cid, uri, post_id from ${sql.table(table)}
        where ${sql.ref(column)} = ${parameter('key')}
          and (indexed_at, cid, uri) ${compares}
            (${parameter('indexedAt')}, ${parameter('cid')}, ${parameter('uri')})
          and indexed_at >= ${parameter('oldest')} and ${isAuthorShown(sql.ref(`${table}.uri`))}
        order by indexed_at ${order}, cid ${order}, uri ${order} limit ${parameter('limit')}`
    })
  const tag = { down: prepare('post_tag', 'tag', false), up: prepare('post_tag', 'tag', true) }
  const filter = {
    down: prepare('filter_post', 'filter_id', false),
    up: prepare('filter_post', 'filter_id', true),
  }
  const listOf =
    (statements: typeof tag, key: string | number, oldest: number): ReadList =>
    async ({ indexedAt, cid, uri }, limit, isUp) => {
      const statement = isUp ? statements.up : statements.down
      return await statement.tuples({ key, indexedAt, cid, uri, oldest, limit })
    }
  return {
    statements: [...Object.values(tag), ...Object.values(filter)],
    /** `oldest`: older posts are not shown. */
    ofTag: (name: string, oldest: number) => listOf(tag, tagKey(name), oldest),
    ofFilter: (id: number, oldest: number) => listOf(filter, id, oldest),
  }
}
