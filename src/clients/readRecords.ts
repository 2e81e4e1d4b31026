import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import { authorOf, postUri, rkeyOf } from '../posts/postUri.ts'
import { unpackRecord } from '../posts/recordText.ts'

/** A record as it is now. */
export interface StoredRecord {
  readonly cid: string
  readonly record: object
}

/** The records of kept posts, by at-uri; those that are not kept are left out. */
export type ReadRecords = (uris: readonly string[]) => Promise<ReadonlyMap<string, StoredRecord>>

export function createReadRecords(database: ReadDatabase): ReadRecords {
  const statement = prepareRows<{ did: string; rkey: string; cid: string; record: string }>(
    database,
    { did: 'text', rkey: 'text' },
    (rows) => sql`select a.did, p.rkey, d.cid, d.record from ${rows} as r cross join account as a
      cross join post as p cross join post_record as d
      where a.did = r.did and p.account_id = a.id and p.rkey = r.rkey and d.post_id = p.id
        and d.record is not null`,
  )
  return async (uris) => {
    const rows = await statement.all(uris.map((uri) => [authorOf(uri), rkeyOf(uri)]))
    return new Map(
      rows.map(({ did, rkey, cid, record }) => [
        postUri(did, rkey),
        { cid, record: JSON.parse(unpackRecord(record)) as object },
      ]),
    )
  }
}
