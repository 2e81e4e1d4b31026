import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import type { Keyset } from '../feeds/cursor.ts'
import { authorOf, postUri, rkeyOf } from '../posts/postUri.ts'

/** A kept post, whether it is visible or not. */
export interface KnownPost {
  readonly id: number
  readonly place: Keyset
}

export type FindPlace = (uri: string) => Promise<KnownPost | undefined>

export function createFindPlace(database: ReadDatabase): FindPlace {
  type Row = { readonly id: number; readonly indexed_at: number; readonly cid: string }
  const statement = database.prepare<{ did: string; rkey: string }, Row>(
    (parameter) => sql<Row>`select post.id, post.indexed_at, post.cid from account
      cross join post where account.did = ${parameter('did')}
        and post.account_id = account.id and post.rkey = ${parameter('rkey')}`,
  )
  return async (uri) => {
    const [did, rkey] = [authorOf(uri), rkeyOf(uri)]
    if (uri !== postUri(did, rkey)) {
      return undefined
    }
    const [row] = await statement.all({ did, rkey })
    return row && { id: row.id, place: { indexedAt: row.indexed_at, cid: row.cid, uri } }
  }
}
