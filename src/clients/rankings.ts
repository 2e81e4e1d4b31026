import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import type { TrendingOptions } from '../feeds/feedDefinition.ts'
import { US_PER_HOUR } from '../time.ts'
import type { Clock } from '../time.ts'
import { rankPosts } from '../trending/rank.ts'
import { packRankPlace, parseRankPlace, badCursor } from './placeCursor.ts'
import type { PostQuery } from './postQuery.ts'
import { toEngagement } from './postViews.ts'
import type { EngagementView } from './postViews.ts'
import { readPosts } from './readPosts.ts'
import type { PostReader } from './readPosts.ts'

export interface RankingsOptions {
  readonly database: ReadDatabase
  readonly reader: PostReader
  /** The knobs of every ranking. */
  readonly trending: TrendingOptions
  readonly clock: Clock
}

interface Ranking {
  readonly id: string
  /** Best first. */
  readonly posts: readonly { readonly id: number; readonly uri: string }[]
  /** By `performance.now`. */
  readonly madeAt: number
}

export interface RankedPage {
  /** Ids of posts. */
  readonly ids: readonly number[]
  readonly cursor: string | undefined
}

const MAX_CANDIDATES = 20_000
/** Equal queries share a ranking for so long, and walkers have theirs for an hour and more. */
const SHARED_MS = 60_000
const KEPT_MS = 2 * 3_600_000
const MAX_RANKINGS = 300

/**
 * Rankings of the posts of queries, made when they are asked for from the newest candidates, and frozen:
 * a cursor names its ranking. After that it goes on in the current one, below the rank that was reached.
 */
export class Rankings {
  readonly #options: RankingsOptions
  readonly #readCounts: (ids: readonly number[]) => Promise<ReadonlyMap<number, EngagementView>>
  /** In the order in which they were made. */
  readonly #byId = new Map<string, Ranking>()
  readonly #current = new Map<string, Promise<Ranking>>()

  constructor(options: RankingsOptions) {
    this.#options = options
    this.#readCounts = createReadCounts(options.database)
  }

  async page(
    query: PostQuery,
    { cursor, limit }: { readonly cursor: string | undefined; readonly limit: number },
    isOver: () => boolean,
  ): Promise<RankedPage> {
    const place = cursor === undefined ? undefined : parseRankPlace(query.scope, cursor)
    if (cursor !== undefined && place === undefined) {
      throw badCursor()
    }
    const known = place && this.#byId.get(place.ranking)
    const ranking = known ?? (await this.#find(query, isOver))
    const from = place?.rank ?? 0
    const posts = ranking.posts.slice(from, from + limit)
    const rank = from + posts.length
    return {
      ids: posts.map(({ id }) => id),
      cursor:
        rank < ranking.posts.length ? packRankPlace(query.scope, ranking.id, rank) : undefined,
    }
  }

  async #find(query: PostQuery, isOver: () => boolean): Promise<Ranking> {
    const underWay = this.#current.get(query.scope)
    if (underWay !== undefined) {
      const ranking = await underWay
      if (performance.now() - ranking.madeAt < SHARED_MS) {
        return ranking
      }
    }
    const making = this.#make(query, isOver)
    this.#current.set(query.scope, making)
    making.catch(() => this.#current.delete(query.scope))
    return await making
  }

  async #make(query: PostQuery, isOver: () => boolean): Promise<Ranking> {
    const { reader, trending, clock } = this.#options
    const nowUs = clock()
    const windowUs = nowUs - trending.windowHours * US_PER_HOUR
    const { posts } = await readPosts(
      { ...reader, oldest: () => Math.max(windowUs, reader.oldest()) },
      query,
      { limit: MAX_CANDIDATES, isOver, mostLookedAt: 5 * MAX_CANDIDATES },
    )
    const counts = await this.#readCounts(posts.map(([, , , id]) => id))
    const none = toEngagement({ likes: 0, reposts: 0, replies: 0, quotes: 0, views: 0 })
    const candidates = posts.map(([indexedAt, cid, uri, postId]) => {
      return { postId, uri, cid, indexedAt, counts: counts.get(postId) ?? none }
    })
    const ranked = rankPosts(candidates, trending, nowUs)
    const ranking: Ranking = {
      id: randomBytes(9).toString('base64url'),
      posts: ranked.map(({ postId, uri }) => ({ id: postId, uri })),
      madeAt: performance.now(),
    }
    this.#keep(ranking)
    return ranking
  }

  #keep(ranking: Ranking): void {
    this.#byId.set(ranking.id, ranking)
    for (const [id, { madeAt }] of this.#byId) {
      if (this.#byId.size <= MAX_RANKINGS && performance.now() - madeAt < KEPT_MS) {
        break
      }
      this.#byId.delete(id)
    }
    if (this.#current.size > MAX_RANKINGS) {
      this.#current.clear()
    }
  }
}

type CountRow = Readonly<Record<keyof EngagementView, number>> & { readonly post_id: number }

function createReadCounts(database: ReadDatabase) {
  const statement = prepareRows<CountRow>(
    database,
    { id: 'integer' },
    (rows) => sql`select c.post_id, c.likes, c.reposts, c.replies, c.quotes, c.views
      from ${rows} as r cross join post_count as c where c.post_id = r.id`,
  )
  return async (ids: readonly number[]): Promise<ReadonlyMap<number, EngagementView>> => {
    const rows = await statement.all(ids.map((id) => [id]))
    return new Map(rows.map((row) => [row.post_id, toEngagement(row)]))
  }
}
