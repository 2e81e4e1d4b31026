import { RequestError } from '../errors.ts'
import { US_PER_DAY, US_PER_SECOND } from '../time.ts'
import type { Clock, Us } from '../time.ts'
import { countTag } from './countTag.ts'
import type { TagCount } from './countTag.ts'
import { findTopTags } from './findTopTags.ts'
import type { TagOrder } from './findTopTags.ts'
import { risingScore } from './risingScore.ts'
import type { TagStatements } from './tagStatements.ts'

export interface TagQuery {
  /** In canonical form. */
  readonly prefix: string | undefined
  /** In canonical form; empty: those with the most posts. */
  readonly tags: readonly string[]
  readonly hours: number
  readonly order: TagOrder
}

export interface TagCountsOptions {
  readonly statements: TagStatements
  readonly retentionDays: number
  readonly clock: Clock
}

export interface CountedTags {
  readonly countedUs: Us
  readonly tags: readonly TagCount[]
}

interface Kept {
  readonly startedUs: Us
  readonly counted: Promise<CountedTags>
}

const KEPT_US = 55 * US_PER_SECOND
/** What is asked for at such an age is counted anew, while the old answer is given. */
const RENEWED_US = 30 * US_PER_SECOND
/** About 50 KB each. */
const MOST_KEPT = 200
const MOST_TAGS = 100
/** Each may take some hundred milliseconds. */
const MOST_WAITING = 20

/** Counts by tag, at most a minute old: equal questions share an answer, and one is worked on at a time. */
export class TagCounts {
  readonly #options: TagCountsOptions
  readonly #kept = new Map<string, Kept>()
  readonly #fresh = new Map<string, Promise<CountedTags>>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: TagCountsOptions) {
    this.#options = options
  }

  async count(query: TagQuery): Promise<CountedTags> {
    const { prefix, tags, hours, order } = query
    const key = JSON.stringify([prefix, tags.toSorted(), hours, order])
    const kept = this.#kept.get(key)
    const ageUs = kept === undefined ? Infinity : this.#options.clock() - kept.startedUs
    if (kept !== undefined && ageUs >= 0 && ageUs < KEPT_US) {
      if (ageUs >= RENEWED_US) {
        // Whoever asks next finds out whether that fails.
        this.#countAnew(key, query).catch(() => {})
      }
      return await kept.counted
    }
    return await this.#countAnew(key, query)
  }

  async #countAnew(key: string, query: TagQuery): Promise<CountedTags> {
    const underWay = this.#fresh.get(key)
    if (underWay !== undefined) {
      return await underWay
    }
    if (this.#fresh.size >= MOST_WAITING) {
      const message = 'Much is being counted right now: try again in a moment'
      throw new RequestError('ServiceUnavailable', message, 503)
    }
    const fresh = this.#last
      .then(() => this.#count(query))
      .then((counted) => {
        this.#keep(key, { startedUs: counted.countedUs, counted: Promise.resolve(counted) })
        return counted
      })
      .finally(() => this.#fresh.delete(key))
    this.#fresh.set(key, fresh)
    this.#last = fresh.catch(() => {})
    return await fresh
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) {
      this.#kept.delete(oldest)
    }
  }

  async #count({ prefix, tags, hours, order }: TagQuery): Promise<CountedTags> {
    const { statements, retentionDays, clock } = this.#options
    const nowUs = clock()
    const window = { nowUs, hours, oldestUs: Math.ceil(nowUs - retentionDays * US_PER_DAY) }
    const isNamed = tags.length > 0
    const wanted = isNamed ? tags : await findTopTags(statements, { prefix, order, ...window })
    const counted: TagCount[] = []
    for (const tag of wanted) {
      counted.push(await countTag(statements, tag, window))
    }
    const found = isNamed
      ? counted
      : counted.filter((tag) => tag.posts > 0 && (order === 'posts' || risingScore(tag) > 0))
    const sorted = found.toSorted((a, b) => compare(order, a, b)).slice(0, MOST_TAGS)
    return { countedUs: nowUs, tags: sorted }
  }
}

function compare(order: TagOrder, a: TagCount, b: TagCount): number {
  const byScore = order === 'rising' ? risingScore(b) - risingScore(a) : 0
  return byScore || b.posts - a.posts || b.authors - a.authors || (a.tag < b.tag ? -1 : 1)
}
