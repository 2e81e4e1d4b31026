import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import { authorOf, postUri, rkeyOf } from '../posts/postUri.ts'
import { unpackRecord } from '../posts/recordText.ts'

/** The records of kept posts as they are now, by at-uri; those that are not kept are left out. */
export type ReadRecords = (uris: readonly string[]) => Promise<ReadonlyMap<string, object>>

export function createReadRecords(database: ReadDatabase): ReadRecords {
  const statement = prepareRows<{ did: string; rkey: string; record: string }>(
    database,
    { did: 'text', rkey: 'text' },
    (rows) => sql`select a.did, p.rkey, d.record from ${rows} as r cross join account as a
      cross join post as p cross join post_record as d
      where a.did = r.did and p.account_id = a.id and p.rkey = r.rkey and d.post_id = p.id
        and d.record is not null`,
  )
  return async (uris) => {
    const rows = await statement.all(uris.map((uri) => [authorOf(uri), rkeyOf(uri)]))
    return new Map(
      rows.map(({ did, rkey, record }) => [
        postUri(did, rkey),
        JSON.parse(unpackRecord(record)) as object,
      ]),
    )
  }
}
