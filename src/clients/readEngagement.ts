import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import { isAuthorShown } from '../posts/isAuthorShown.ts'
import { authorOf, postUri, rkeyOf } from '../posts/postUri.ts'
import { createReadLikes, toEngagement } from './postViews.ts'
import type { EngagementView } from './postViews.ts'

export interface PostEngagementView extends EngagementView {
  readonly uri: string
  readonly viewer?: { readonly like?: string }
}

/** Of visible posts, in the order asked; others are left out. */
export type ReadEngagement = (
  uris: readonly string[],
  viewer: string | undefined,
) => Promise<PostEngagementView[]>

type Row = Readonly<Record<keyof EngagementView, number | null>> & {
  readonly id: number
  readonly did: string
  readonly rkey: string
  readonly indexed_at: number
}

/** `oldest`: the oldest moment that is shown now. */
export function createReadEngagement(database: ReadDatabase, oldest: () => number): ReadEngagement {
  const uri = sql`('at://' || a.did || '/app.bsky.feed.post/' || p.rkey)`
  const statement = prepareRows<Row>(
    database,
    { did: 'text', rkey: 'text' },
    (
      rows,
    ) => sql`select p.id, a.did, p.rkey, p.indexed_at, c.likes, c.reposts, c.replies, c.quotes, c.views
      from ${rows} as r cross join account as a cross join post as p
        left join post_count as c on c.post_id = p.id
      where a.did = r.did and p.account_id = a.id and p.rkey = r.rkey
        and a.active = 1 and p.tags <> '[]' and ${isAuthorShown(uri)}`,
  )
  const readLikes = createReadLikes(database)
  return async (uris, viewer) => {
    const ours = [...new Set(uris)].filter((each) => each === postUri(authorOf(each), rkeyOf(each)))
    const from = oldest()
    const found = await statement.all(ours.map((each) => [authorOf(each), rkeyOf(each)]))
    const rows = found.filter((row) => row.indexed_at >= from)
    const byUri = new Map(rows.map((row) => [postUri(row.did, row.rkey), row] as const))
    const likes =
      viewer &&
      (await readLikes(
        viewer,
        rows.map(({ id }) => id),
      ))
    return [...new Set(uris)].flatMap((each) => {
      const row = byUri.get(each)
      if (row === undefined) {
        return []
      }
      const like = likes ? likes.get(row.id) : undefined
      const engagement = { uri: each, ...toEngagement(row) }
      return [{ ...engagement, ...(likes && { viewer: like ? { like } : {} }) }]
    })
  }
}
