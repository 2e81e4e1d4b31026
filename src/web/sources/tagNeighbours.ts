import { sql } from 'kysely'
import type { ReadDatabase } from '../../db/database.ts'
import { isAuthorShown } from '../../posts/isAuthorShown.ts'
import { tagKey } from '../../posts/tagKey.ts'
import { US_PER_DAY } from '../../time.ts'
import type { Clock, Us } from '../../time.ts'

/** The newest posts of a tag, and the tags that they carry beside it. */
export interface TagNeighbours {
  readonly posts: readonly { readonly uri: string; readonly indexedAt: Us }[]
  /** With the share of the newest posts that carry it, 0 to 1. */
  readonly beside: readonly (readonly [tag: string, share: number])[]
}

const LOOKED_AT = 300
const SHOWN_POSTS = 25
const SHOWN_TAGS = 16
/** What stands beside it in one post alone is chance. */
const FEWEST = 2

interface Row {
  readonly indexed_at: number
  readonly uri: string
  readonly tags: string
}

export function createTagNeighbours(
  reader: ReadDatabase,
  { retentionDays, clock }: { readonly retentionDays: number; readonly clock: Clock },
): (tag: string) => Promise<TagNeighbours> {
  const statement = reader.prepare<{ tag: string; oldest: number }, Row>(
    (parameter) => sql<Row>`select t.indexed_at, t.uri, p.tags
      from post_tag as t cross join post as p
      where t.tag = ${parameter('tag')} and t.indexed_at >= ${parameter('oldest')}
        and ${isAuthorShown(sql`t.uri`)} and p.id = t.post_id
      order by t.tag desc, t.indexed_at desc, t.cid desc, t.uri desc limit ${sql.lit(LOOKED_AT)}`,
  )
  return async (tag) => {
    const oldest = Math.ceil(clock() - retentionDays * US_PER_DAY)
    const rows = await statement.all({ tag: tagKey(tag), oldest })
    const counts = new Map<string, number>()
    for (const { tags } of rows) {
      for (const other of JSON.parse(tags) as string[]) {
        if (other !== tag) {
          counts.set(other, (counts.get(other) ?? 0) + 1)
        }
      }
    }
    return {
      posts: rows
        .slice(0, SHOWN_POSTS)
        .map(({ uri, indexed_at: indexedAt }) => ({ uri, indexedAt })),
      beside: [...counts]
        .filter(([, count]) => count >= FEWEST)
        .sort(([, a], [, b]) => b - a)
        .slice(0, SHOWN_TAGS)
        .map(([other, count]) => [other, count / rows.length]),
    }
  }
}
