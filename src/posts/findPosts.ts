import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import { authorOf, postUri, rkeyOf } from './postUri.ts'

/** Which of some at-uris are those of kept posts. */
export type FindPosts = (uris: readonly string[]) => Promise<ReadonlySet<string>>

export function createFindPosts(database: ReadDatabase): FindPosts {
  const statement = prepareRows<{ did: string; rkey: string }>(
    database,
    { did: 'text', rkey: 'text' },
    (rows) => sql`select account.did, post.rkey from ${rows} as r
      cross join account cross join post
      where account.did = r.did and post.account_id = account.id and post.rkey = r.rkey`,
  )
  return async (uris) => {
    const keys = new Map(uris.map((uri) => [uri, [authorOf(uri), rkeyOf(uri)] as const]))
    const posts = [...keys].filter(([uri, [did, rkey]]) => uri === postUri(did, rkey))
    const rows = await statement.all(posts.map(([, key]) => key))
    return new Set(rows.map(({ did, rkey }) => postUri(did, rkey)))
  }
}
