import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import type { PostFacts } from '../posts/postFacts.ts'
import { unpackFacts } from '../posts/storedFacts.ts'
import type { StoredFacts } from '../posts/storedFacts.ts'

export type ReadFacts = (ids: readonly number[]) => Promise<ReadonlyMap<number, PostFacts>>

/** Reads what filters ask about posts, in one batch. */
export function createReadFacts(database: ReadDatabase): ReadFacts {
  const statement = prepareRows<StoredFacts & { readonly id: number }>(
    database,
    { id: 'integer' },
    (rows) => sql`select post.id, post.tags, post.media, post.languages, post.labels
      from ${rows} as r cross join post where post.id = r.id`,
  )
  return async (ids) => {
    const found = new Map<number, PostFacts>()
    for (const row of await statement.all(ids.map((id) => [id]))) {
      const facts = unpackFacts(row)
      if (facts !== undefined) {
        found.set(row.id, facts)
      }
    }
    return found
  }
}
