import { sql } from 'kysely'
import type { WriteDatabase } from '../db/database.ts'
import type { RankingPostTable } from '../db/schema.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import type { RowsStatement } from '../db/statements/rowsStatement.ts'
import { isAuthorShown } from '../posts/isAuthorShown.ts'
import { FRESHNESS_MS } from '../status/freshness.ts'
import { US_PER_DAY, US_PER_HOUR, US_PER_SECOND } from '../time.ts'
import type { Us } from '../time.ts'
import type { RankedPost } from './rank.ts'
import { packReason } from './reason.ts'

/**
 * A generation that nobody has a cursor into is kept for as long as it may take to tell that somebody
 * has: a server tries every ten seconds, and a replay leaves it little room between batches.
 */
const UNSERVED_KEPT_US = 600 * US_PER_SECOND
/**
 * Of those that nobody has a cursor into no more are kept of a ranking, whatever time it is: while the
 * stream is behind one is made every two seconds, and by its clock none of them is old.
 */
const MAX_UNSERVED = 300
/** A cursor works for a day; an hour more, since clocks and prunings are not exact. */
const SERVED_KEPT_US = US_PER_DAY + US_PER_HOUR
/** A ranking that no process has made for so long belongs to no feed any more. */
const RANKING_KEPT_US = 2 * US_PER_DAY

export interface Attempt {
  readonly key: string
  readonly nowUs: Us
  readonly durationMs: number
  /** Candidates that were read for it. */
  readonly candidates: number
  /** Whether the stream was not behind. */
  readonly isLive: boolean
}

/** A post of the generation that is served. */
export type ServedPost = Pick<RankingPostTable, 'post_id' | 'indexed_at' | 'why'>

/** Writes rankings as numbered generations. */
export class RankingStore {
  readonly #database: WriteDatabase
  readonly #insert: RowsStatement
  /** The position as it was found first: one that differs has been heard of since. */
  #found: string | undefined

  constructor(database: WriteDatabase) {
    this.#database = database
    this.#insert = prepareRows(
      database,
      {
        generation: 'integer',
        rank: 'integer',
        post_id: 'integer',
        indexed_at: 'integer',
        uri: 'text',
        why: 'text',
      },
      // A post may have gone since the candidates were read.
      (rows) => sql`insert into ranking_post (generation, rank, post_id, indexed_at, uri, why)
        select r.generation, r.rank, r.post_id, r.indexed_at, r.uri, r.why from ${rows} as r
        cross join post cross join account
        where post.id = r.post_id and account.id = post.account_id and account.active = 1
          and ${isAuthorShown(sql`r.uri`)}`,
    )
  }

  /**
   * By our clock and the stream, the later one for what is noted and the earlier one for what is
   * removed: a clock that is wrong for a while must not make anything old. Nothing is old while the stream
   * has not been heard.
   */
  async #moments(nowUs: Us): Promise<{ notedUs: Us; horizonUs: Us | undefined }> {
    const row = await this.#database.kysely
      .selectFrom('ingest_position')
      .select(['time_us', 'committed_us'])
      .executeTakeFirst()
    const state = JSON.stringify(row ?? null)
    this.#found ??= state
    const isHeard = row !== undefined && state !== this.#found
    return {
      notedUs: Math.max(nowUs, row?.time_us ?? nowUs),
      horizonUs: isHeard ? Math.min(nowUs, row.time_us) : undefined,
    }
  }

  /** One generation in one transaction; from its commit on it is the one that is served. */
  async add(posts: readonly RankedPost[], attempt: Attempt): Promise<void> {
    const { key, nowUs } = attempt
    await this.#database.transaction(async () => {
      const { notedUs } = await this.#moments(nowUs)
      const { id } = await this.#database.kysely
        .insertInto('generation')
        .values({ ranking_key: key, computed_us: nowUs, superseded_us: null, served: 0 })
        .returning('id')
        .executeTakeFirstOrThrow()
      await this.#insert.run(
        posts.map((post, index) => [
          id,
          index + 1,
          post.postId,
          post.indexedAt,
          post.uri,
          packReason(post),
        ]),
      )
      await this.#database.kysely
        .updateTable('generation')
        .set({ superseded_us: notedUs })
        .where('ranking_key', '=', key)
        .where('superseded_us', 'is', null)
        .where('id', '<>', id)
        .execute()
      await this.#note(attempt, { generation: id, problem: null })
    }, 'alone')
  }

  /** Nothing has changed: the generation that is served stays. */
  async keep(attempt: Attempt): Promise<void> {
    await this.#note(attempt, { problem: null })
  }

  async fail(attempt: Attempt, problem: string): Promise<void> {
    await this.#note(attempt, { problem })
  }

  /** The posts of the generation that is served, by rank, with their reasons. */
  async current(key: string): Promise<ServedPost[] | undefined> {
    const ranking = await this.#database.kysely
      .selectFrom('ranking')
      .select('generation')
      .where('key', '=', key)
      .executeTakeFirst()
    return ranking === undefined || ranking.generation === null
      ? undefined
      : await this.#database.kysely
          .selectFrom('ranking_post')
          .select(['post_id', 'indexed_at', 'why'])
          .where('generation', '=', ranking.generation)
          .orderBy('rank')
          .execute()
  }

  /** Whether what is stored is all that the stream has told up to a minute ago. */
  async isLive(): Promise<boolean> {
    const position = await this.#database.kysely
      .selectFrom('ingest_position')
      .select('lag_ms')
      .executeTakeFirst()
    return position !== undefined && position.lag_ms < FRESHNESS_MS
  }

  /**
   * Drops generations that no reader needs any more, at most `limit` that are old and `limit` that are too
   * many; returns how many. Those of `made` rankings belong to feeds, whenever they were made.
   */
  async dropOld(nowUs: Us, limit: number, made: readonly string[] = []): Promise<number> {
    const { kysely } = this.#database
    const { horizonUs } = await this.#moments(nowUs)
    const old = horizonUs === undefined ? [] : await this.#findOld(horizonUs, limit, made)
    const dropped = new Set([...old, ...(await this.#findCrowding(limit))])
    for (const id of dropped) {
      await this.#database.transaction(async () => {
        await kysely.deleteFrom('ranking_post').where('generation', '=', id).execute()
        await kysely.deleteFrom('generation').where('id', '=', id).execute()
        await kysely.deleteFrom('ranking').where('generation', '=', id).execute()
      })
    }
    return dropped.size
  }

  async #findCrowding(limit: number): Promise<number[]> {
    const { kysely } = this.#database
    const placed = kysely
      .selectFrom('generation')
      .select(['id', 'served'])
      .select(({ fn }) =>
        fn
          .agg<number>('row_number')
          .over((over) => over.partitionBy('ranking_key').orderBy('id', 'desc'))
          .as('place'),
      )
    const rows = await kysely
      .selectFrom(placed.as('placed'))
      .select('id')
      .where('served', '=', 0)
      .where('place', '>', MAX_UNSERVED)
      .limit(limit)
      .execute()
    return rows.map(({ id }) => id)
  }

  async #findOld(horizonUs: Us, limit: number, made: readonly string[]): Promise<number[]> {
    const rows = await this.#database.kysely
      .selectFrom('generation')
      .leftJoin('ranking', 'ranking.key', 'generation.ranking_key')
      .select('generation.id')
      .where((where) =>
        where.or([
          where.and([
            where('generation.served', '=', 0),
            where('generation.superseded_us', '<', horizonUs - UNSERVED_KEPT_US),
          ]),
          where('generation.superseded_us', '<', horizonUs - SERVED_KEPT_US),
          where.and([
            where('ranking.checked_us', '<', horizonUs - RANKING_KEPT_US),
            where.not(where('generation.ranking_key', 'in', ['', ...made])),
          ]),
        ]),
      )
      .limit(limit)
      .execute()
    return rows.map(({ id }) => id)
  }

  async #note(
    { key, nowUs, durationMs, candidates, isLive }: Attempt,
    rest: { generation?: number; problem: string | null },
  ): Promise<void> {
    const values = {
      checked_us: nowUs,
      duration_ms: Math.round(durationMs),
      candidates,
      ...(isLive && { live: 1 }),
      ...rest,
    }
    await this.#database.kysely
      .insertInto('ranking')
      .values({ key, generation: null, live: 0, ...values })
      .onConflict((conflict) => conflict.column('key').doUpdateSet(values))
      .execute()
  }
}
