import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import { RequestError } from '../errors.ts'
import type { TrendingOptions } from '../feeds/feedDefinition.ts'
import { US_PER_HOUR } from '../time.ts'
import type { Clock } from '../time.ts'
import { rankPosts } from '../trending/rank.ts'
import type { PostTuple } from './postLists.ts'
import type { PostQuery } from './postQuery.ts'
import { toEngagement } from './postViews.ts'
import type { EngagementView } from './postViews.ts'
import type { ReadRanked } from './rankedPosts.ts'
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
  /** Best first; some 250 bytes each. */
  readonly posts: readonly PostTuple[]
  /** By `performance.now`. */
  readonly madeAt: number
}

const MAX_CANDIDATES = 20_000
/** So many posts are looked at for them. */
const MAX_LOOKED_AT = 5 * MAX_CANDIDATES
/** Equal queries share a ranking for so long, and walkers have theirs for an hour and more. */
const SHARED_MS = 60_000
const KEPT_MS = 2 * 3_600_000
const MAX_RANKINGS = 300
/** To make one takes up to half a second: one is made at a time, and so many wait. */
const MAX_WAITING = 8

/**
 * Rankings of the posts of queries, made when they are asked for from the newest candidates, and frozen:
 * a cursor names its ranking. After that it goes on in the current one, below the rank that was reached.
 */
export class Rankings {
  readonly #options: RankingsOptions
  readonly #readCounts: (ids: readonly number[]) => Promise<ReadonlyMap<number, EngagementView>>
  /** In the order in which they were made. */
  readonly #byId = new Map<string, Ranking>()
  /** By the scope of a query; made, or being made. */
  readonly #current = new Map<string, Promise<Ranking>>()
  #lastMade: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(options: RankingsOptions) {
    this.#options = options
    this.#readCounts = createReadCounts(options.database)
  }

  /** @throws RequestError 503 while too many are being made */
  of(query: PostQuery): ReadRanked {
    return async (place, count) => {
      const known = place && this.#byId.get(place.ranking)
      const ranking = known ?? (await this.#find(query))
      const from = place?.rank ?? 0
      const posts = ranking.posts.slice(from, from + count)
      return {
        ranking: ranking.id,
        posts: posts.map((post, index) => ({ rank: from + index + 1, post })),
      }
    }
  }

  async #find(query: PostQuery): Promise<Ranking> {
    const ranking = await this.#current.get(query.scope)
    if (ranking !== undefined && performance.now() - ranking.madeAt < SHARED_MS) {
      return ranking
    }
    const making = this.#makeInTurn(query)
    this.#current.set(query.scope, making)
    making.catch(() => this.#current.delete(query.scope))
    return await making
  }

  async #makeInTurn(query: PostQuery): Promise<Ranking> {
    if (this.#waiting >= MAX_WAITING) {
      throw new RequestError(
        'ServiceUnavailable',
        'Too many rankings are being made right now: try again in a moment',
        503,
      )
    }
    this.#waiting += 1
    const before = this.#lastMade
    const making = before.then(() => this.#make(query))
    this.#lastMade = making.catch(() => {})
    try {
      return await making
    } finally {
      this.#waiting -= 1
    }
  }

  async #make(query: PostQuery): Promise<Ranking> {
    const { reader, trending, clock } = this.#options
    const nowUs = clock()
    const windowUs = nowUs - trending.windowHours * US_PER_HOUR
    const { posts } = await readPosts(
      { ...reader, oldest: () => Math.max(windowUs, reader.oldest()) },
      query,
      // Others may wait for the same.
      { limit: MAX_CANDIDATES, isOver: () => false, mostLookedAt: MAX_LOOKED_AT },
    )
    const counts = await this.#readCounts(posts.map(([, , , id]) => id))
    const candidates = posts.map(([indexedAt, cid, uri, postId]) => {
      return { postId, uri, cid, indexedAt, counts: counts.get(postId) ?? NOTHING }
    })
    const ranking: Ranking = {
      id: randomBytes(9).toString('base64url'),
      posts: rankPosts(candidates, trending, nowUs).map(
        ({ indexedAt, cid, uri, postId }) => [indexedAt, cid, uri, postId] as const,
      ),
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

const NOTHING: EngagementView = { likes: 0, reposts: 0, replies: 0, quotes: 0, views: 0 }

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
