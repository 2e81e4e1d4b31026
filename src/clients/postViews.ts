import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import type { Keyset } from '../feeds/cursor.ts'
import { isAuthorShown } from '../posts/isAuthorShown.ts'
import type { PostFacts } from '../posts/postFacts.ts'
import { postUri } from '../posts/postUri.ts'
import { unpackRecord } from '../posts/recordText.ts'
import { ENGAGEMENT, MEDIA_BIT } from '../posts/storedCodes.ts'
import { unpackFacts } from '../posts/storedFacts.ts'
import type { StoredFacts } from '../posts/storedFacts.ts'
import { formatExactUs } from '../time.ts'

/** `app.tagfeed.defs#postView`. */
export interface PostView {
  readonly uri: string
  readonly cid: string
  readonly author: string
  readonly indexedAt: string
  readonly createdAt?: string
  readonly tags: readonly string[]
  readonly media: readonly string[]
  readonly langs: readonly string[]
  readonly labels: readonly string[]
  readonly engagement: EngagementView
  readonly record?: unknown
  readonly viewer?: { readonly like?: string }
}

export interface EngagementView {
  readonly likes: number
  readonly reposts: number
  readonly replies: number
  readonly quotes: number
  readonly views: number
}

interface ViewRow extends StoredFacts {
  readonly id: number
  readonly did: string
  readonly rkey: string
  readonly first_cid: string
  readonly cid: string | null
  readonly indexed_at: number
  readonly created_us: number | null
  readonly record: string | null
  readonly likes: number | null
  readonly reposts: number | null
  readonly replies: number | null
  readonly quotes: number | null
  readonly views: number | null
}

/** A post that is visible now. */
export interface ShownPost {
  readonly id: number
  readonly place: Keyset
  readonly view: PostView
}

/** Reads posts by their ids, in the order asked, in one batch; those that are not visible are left out. */
export type ReadViews = (ids: readonly number[], viewer: string | undefined) => Promise<ShownPost[]>

/** `oldest`: the oldest moment that is shown now. */
export function createReadViews(database: ReadDatabase, oldest: () => number): ReadViews {
  const uri = sql`('at://' || a.did || '/app.bsky.feed.post/' || p.rkey)`
  const rowsById = prepareRows<ViewRow>(
    database,
    { id: 'integer' },
    (rows) => sql`select p.id, a.did, p.rkey, p.cid as first_cid, d.cid, p.indexed_at, d.created_us,
        d.record, p.tags, p.media, p.languages, p.labels,
        c.likes, c.reposts, c.replies, c.quotes, c.views
      from ${rows} as r cross join post as p cross join account as a
        left join post_record as d on d.post_id = p.id left join post_count as c on c.post_id = p.id
      where p.id = r.id and a.id = p.account_id and a.active = 1 and ${isAuthorShown(uri)}`,
  )
  const readLikes = createReadLikes(database)
  return async (ids, viewer) => {
    const rows = new Map(
      (await rowsById.all(ids.map((id) => [id]))).map((row) => [row.id, row] as const),
    )
    const likes = viewer === undefined ? undefined : await readLikes(viewer, ids)
    const from = oldest()
    return ids.flatMap((id) => {
      const row = rows.get(id)
      const facts = row && unpackFacts(row)
      if (row === undefined || facts === undefined || row.indexed_at < from) {
        return []
      }
      const like = likes?.get(id)
      const view = { ...toView(row, facts), ...(likes && { viewer: like ? { like } : {} }) }
      const place = { indexedAt: row.indexed_at, cid: row.first_cid, uri: view.uri }
      return [{ id, place, view }]
    })
  }
}

/** The at-uris of the likes of an account, by the posts that it likes. */
export function createReadLikes(database: ReadDatabase) {
  const statement = prepareRows<{ post_id: number; rkey: string }>(
    database,
    { did: 'text', post_id: 'integer' },
    (rows) => sql`select e.post_id, e.rkey from ${rows} as r cross join account as a
      cross join engagement as e
      where a.did = r.did and e.account_id = a.id and e.post_id = r.post_id
        and e.kind = ${sql.lit(ENGAGEMENT.like)}`,
  )
  return async (did: string, ids: readonly number[]): Promise<ReadonlyMap<number, string>> => {
    const rows = await statement.all(ids.map((id) => [did, id]))
    return new Map(
      rows.map(({ post_id, rkey }) => [post_id, `at://${did}/app.bsky.feed.like/${rkey}`]),
    )
  }
}

function toView(row: ViewRow, facts: PostFacts): PostView {
  const { created_us: createdUs, record } = row
  return {
    uri: postUri(row.did, row.rkey),
    cid: row.cid ?? row.first_cid,
    author: row.did,
    indexedAt: formatExactUs(row.indexed_at),
    ...(createdUs !== null && createdUs >= 0 && { createdAt: formatExactUs(createdUs) }),
    tags: facts.tags,
    media: mediaOf(facts.media),
    langs: facts.languages,
    labels: facts.labels,
    engagement: toEngagement(row),
    ...(record !== null && { record: JSON.parse(unpackRecord(record)) as unknown }),
  }
}

export function toEngagement(
  row: Readonly<Record<keyof EngagementView, number | null>>,
): EngagementView {
  return {
    likes: row.likes ?? 0,
    reposts: row.reposts ?? 0,
    replies: row.replies ?? 0,
    quotes: row.quotes ?? 0,
    views: row.views ?? 0,
  }
}

function mediaOf(bits: number): string[] {
  return Object.entries(MEDIA_BIT).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : [name]))
}
