import { sql } from 'kysely'
import type { ReadDatabase, Statement } from '../../db/database.ts'
import { US_PER_DAY, US_PER_HOUR, US_PER_SECOND } from '../../time.ts'
import type { Clock, Us } from '../../time.ts'

/** How many posts a feed has had lately. */
export interface FeedCount {
  readonly lastHour: number
  readonly lastDay: number
  /** Per hour of the clock, oldest first; the last one is not over. */
  readonly history: readonly number[]
  /** When its newest post was posted; undefined when it has none. */
  readonly newestUs: Us | undefined
  readonly countedUs: Us
}

export interface FeedCountsOptions {
  readonly reader: ReadDatabase
  /** Of the feeds, in their order; asked for at each count. */
  readonly filterIds: () => readonly number[]
  readonly clock: Clock
}

export const HISTORY_HOURS = 48
const FRESH_US = 60 * US_PER_SECOND
/** Hours that are over change little: posts that come late, and those that leave. */
const PAST_FRESH_US = 15 * FRESH_US
/** What a page waits for; the rest is counted after it, a little at a time. */
const PAGE_BUDGET_MS = 15
const STEP_MS = 3
const PAUSE_MS = 30
const MAX_COUNTED_HOURS = HISTORY_HOURS + 24

interface Range {
  readonly filterId: number
  readonly from: Us
  readonly to: Us
}

interface Counted {
  readonly count: FeedCount
  readonly hours: Map<number, { readonly posts: number; readonly countedUs: Us }>
}

/** Counts the posts of feeds by the hour, each feed once a minute and only while somebody looks. */
export class FeedCounts implements Disposable {
  readonly #options: FeedCountsOptions
  readonly #countRange: Statement<Range, { readonly posts: number | string }>
  readonly #newest: Statement<{ filterId: number }, { readonly indexed_at: number }>
  /** By the id of the filter: feeds that filter alike share it. */
  readonly #counted = new Map<number, Counted>()
  #refreshing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isDisposed = false

  constructor(options: FeedCountsOptions) {
    this.#options = options
    this.#countRange = options.reader.prepare(
      (parameter) => sql<{ posts: number | string }>`select count(*) as posts from filter_post
        where filter_id = ${parameter('filterId')}
          and indexed_at >= ${parameter('from')} and indexed_at < ${parameter('to')}`,
    )
    this.#newest = options.reader.prepare(
      (parameter) => sql<{ indexed_at: number }>`select indexed_at from filter_post
        where filter_id = ${parameter('filterId')} order by indexed_at desc limit 1`,
    )
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    clearTimeout(this.#timer)
  }

  /** As last counted; undefined when there was no time for it yet. */
  of(index: number): FeedCount | undefined {
    const id = this.#options.filterIds()[index]
    return id === undefined ? undefined : this.#counted.get(id)?.count
  }

  /** Counts again what is older than a minute, as far as there is time; the rest soon after. */
  async refresh(first: readonly number[] = []): Promise<void> {
    const ids = this.#options.filterIds()
    await this.#refreshFor(PAGE_BUDGET_MS, [...first.flatMap((index) => ids[index] ?? []), ...ids])
  }

  #refreshFor(budgetMs: number, ids: readonly number[]): Promise<void> {
    this.#refreshing ??= this.#countStale(budgetMs, ids).finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #countStale(budgetMs: number, ids: readonly number[]): Promise<void> {
    const endsAt = performance.now() + budgetMs
    for (const id of ids) {
      if (this.#isStale(id)) {
        if (performance.now() >= endsAt) {
          this.#goOn()
          return
        }
        await this.#count(id)
      }
    }
  }

  #goOn(): void {
    if (!this.#isDisposed) {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => {
        // Whoever asks next finds out that the database cannot be read.
        this.#refreshFor(STEP_MS, this.#options.filterIds()).catch(() => {})
      }, PAUSE_MS).unref()
    }
  }

  #isStale(id: number): boolean {
    const countedUs = this.#counted.get(id)?.count.countedUs
    return countedUs === undefined || Math.abs(this.#options.clock() - countedUs) >= FRESH_US
  }

  async #count(id: number): Promise<void> {
    const nowUs = this.#options.clock()
    const hours = this.#counted.get(id)?.hours ?? new Map<number, never>()
    const thisHour = Math.floor(nowUs / US_PER_HOUR)
    const history = []
    for (let hour = thisHour - HISTORY_HOURS + 1; hour <= thisHour; hour += 1) {
      const known = hours.get(hour)
      const freshUs = hour >= thisHour - 1 ? FRESH_US : PAST_FRESH_US
      if (known === undefined || Math.abs(nowUs - known.countedUs) >= freshUs) {
        const from = hour * US_PER_HOUR
        const posts = await this.#postsBetween(id, from, from + US_PER_HOUR)
        hours.set(hour, { posts, countedUs: nowUs })
        history.push(posts)
      } else {
        history.push(known.posts)
      }
    }
    if (hours.size > MAX_COUNTED_HOURS) {
      ;[...hours.keys()]
        .filter((hour) => hour <= thisHour - HISTORY_HOURS)
        .forEach((hour) => hours.delete(hour))
    }
    const dayAgo = nowUs - US_PER_DAY
    const firstWhole = Math.floor(dayAgo / US_PER_HOUR) + 1
    const whole = history.slice(firstWhole - thisHour - 1).reduce((sum, posts) => sum + posts, 0)
    const partial = await this.#postsBetween(id, dayAgo, firstWhole * US_PER_HOUR)
    const lastHour = await this.#postsBetween(id, nowUs - US_PER_HOUR, Number.MAX_SAFE_INTEGER)
    const [newest] = await this.#newest.all({ filterId: id })
    const count = {
      lastHour,
      lastDay: whole + partial,
      history,
      newestUs: newest?.indexed_at,
      countedUs: nowUs,
    }
    this.#counted.set(id, { count, hours })
  }

  async #postsBetween(filterId: number, from: Us, to: Us): Promise<number> {
    const [row] = await this.#countRange.all({ filterId, from, to })
    return Number(row?.posts ?? 0)
  }
}
