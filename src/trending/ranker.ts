import { setTimeout as delay } from 'node:timers/promises'
import type { WriteDatabase } from '../db/database.ts'
import { troubleOf } from '../db/databaseErrors.ts'
import { describeError } from '../errors.ts'
import type { RankingDefinition } from '../feeds/rankingDefinition.ts'
import type { Logger } from '../logger.ts'
import { US_PER_DAY, US_PER_HOUR } from '../time.ts'
import type { Clock } from '../time.ts'
import { candidateSource } from './candidates.ts'
import { prepareCandidates } from './candidateStatements.ts'
import type { CandidateStatements } from './candidateStatements.ts'
import { guessLowest } from './guessLowest.ts'
import { rankBest } from './rankBest.ts'
import { RankingStore } from './rankingStore.ts'
import { packReason } from './reason.ts'

export interface RankerOptions {
  /** The writing connection, migrated. */
  readonly database: WriteDatabase
  readonly rankings: readonly RankingDefinition[]
  readonly retentionDays: number
  readonly logger: Logger
  readonly clock: Clock
}

/** Shorter than a session may be silent that holds the lock of ranking. */
const WAIT_MS = 1_000
/** While the stream is behind, posts and likes come fast. */
const BEHIND_MS = 2_000
/** How often it is asked whether the stream has caught up: readiness waits for the ranking made then. */
const LOOK_MS = 100
/** Generations that are dropped in a turn, beside two for each ranking. */
const MIN_DROPPED = 10

/**
 * Makes the rankings, one after the other and each when it is due, so that they never overlap. One
 * that fails leaves its last generation serving, and is tried again when it is due.
 */
export class Ranker {
  readonly #options: RankerOptions
  readonly #store: RankingStore
  readonly #statements: CandidateStatements
  readonly #dueMs = new Map<string, number>()
  readonly #failing = new Set<string>()
  /** Rankings that were made of a stream that was behind. */
  readonly #behind = new Set<string>()

  constructor(options: RankerOptions) {
    this.#options = options
    this.#store = new RankingStore(options.database)
    this.#statements = prepareCandidates(options.database)
  }

  /** Goes on until the signal aborts. @throws when the connection is lost */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.runDue(signal)
      await this.dropOld()
      await this.#pause(signal)
    }
  }

  /** Ends early when the stream has caught up: what was made before that is due then. */
  async #pause(signal: AbortSignal): Promise<void> {
    const endsAt = performance.now() + WAIT_MS
    while (!signal.aborted && performance.now() < endsAt) {
      const isBehind = this.#behind.size > 0
      await delay(isBehind ? LOOK_MS : WAIT_MS, undefined, { signal }).catch(() => {})
      if (isBehind && (await this.#hasCaughtUp())) {
        this.#behind.forEach((key) => this.#dueMs.set(key, 0))
        this.#behind.clear()
        return
      }
    }
  }

  async #hasCaughtUp(): Promise<boolean> {
    try {
      return await this.#store.isLive()
    } catch (error) {
      if (troubleOf(error) !== 'transient') {
        throw error
      }
      return false
    }
  }

  /** Makes the rankings that are due. */
  async runDue(signal?: AbortSignal): Promise<void> {
    for (const ranking of this.#options.rankings) {
      // By a clock that nobody sets: what is due does not depend on the time of day.
      if (signal?.aborted !== true && performance.now() >= (this.#dueMs.get(ranking.key) ?? 0)) {
        await this.#runSafely(ranking)
      }
    }
  }

  async #runSafely(ranking: RankingDefinition): Promise<void> {
    const { clock, logger } = this.#options
    const startedAt = performance.now()
    const refreshMs = ranking.options.refreshSeconds * 1_000
    this.#dueMs.set(ranking.key, startedAt + refreshMs)
    try {
      const isLive = await this.#store.isLive()
      if (isLive) {
        this.#behind.delete(ranking.key)
      } else {
        this.#behind.add(ranking.key)
        this.#dueMs.set(ranking.key, startedAt + Math.min(refreshMs, BEHIND_MS))
      }
      await this.#make(ranking, { isLive, startedAt })
      if (this.#failing.delete(ranking.key)) {
        logger.info({ event: 'rankingRecovered', rkey: ranking.rkey }, 'ranking works again')
      }
    } catch (error) {
      if (troubleOf(error) === 'lost') {
        throw error
      }
      const problem = describeError(error)
      if (!this.#failing.has(ranking.key)) {
        this.#failing.add(ranking.key)
        logger.error(
          { event: 'rankingFails', rkey: ranking.rkey, reason: problem },
          `cannot rank ${ranking.rkey}: ${problem}; its last ranking goes on being served`,
        )
      }
      const attempt = {
        key: ranking.key,
        nowUs: clock(),
        durationMs: performance.now() - startedAt,
        candidates: 0,
        isLive: false,
      }
      await this.#store.fail(attempt, problem).catch((failure: unknown) => {
        if (troubleOf(failure) === 'lost') {
          throw failure
        }
      })
    }
  }

  async #make(
    ranking: RankingDefinition,
    { isLive, startedAt }: { isLive: boolean; startedAt: number },
  ): Promise<void> {
    const { key, filterHash, options } = ranking
    const nowUs = this.#options.clock()
    const windowUs = Math.min(
      options.windowHours * US_PER_HOUR,
      this.#options.retentionDays * US_PER_DAY,
    )
    const sinceUs = Math.ceil(nowUs - windowUs)
    // Looked up, not remembered: a post may have left it since it was made, and be back.
    const served = await this.#store.current(key)
    const { posts, weighed } = await rankBest(
      candidateSource(this.#statements, { filterHash, sinceUs, options, nowUs }),
      { options, nowUs, guess: served && guessLowest(served, options, nowUs) },
    )
    const durationMs = performance.now() - startedAt
    const attempt = { key, nowUs, durationMs, candidates: weighed, isLive }
    const after = fingerprint(
      posts.map((post) => ({ post_id: post.postId, why: packReason(post) })),
    )
    if (served !== undefined && after === fingerprint(served)) {
      await this.#store.keep(attempt)
    } else {
      await this.#store.add(posts, attempt)
    }
  }

  /**
   * Drops generations that no reader needs any more, faster than any come. Asking for them also tells
   * the server that this session lives.
   */
  async dropOld(): Promise<void> {
    const { clock, rankings } = this.#options
    try {
      const made = rankings.map(({ key }) => key)
      await this.#store.dropOld(clock(), MIN_DROPPED + 2 * rankings.length, made)
    } catch (error) {
      if (troubleOf(error) !== 'transient') {
        throw error
      }
      // Locked by a batch: it is tried again in a second.
    }
  }
}

/** The same for two rankings of the same posts in the same order, for the same reasons. */
function fingerprint(rows: readonly { post_id: number; why: string }[]): string {
  return rows.map(({ post_id: id, why }) => `${id}${why}`).join('\n')
}
