import { formatUs } from '../time.ts'
import type { Clock } from '../time.ts'
import type { PostQuery } from './postQuery.ts'
import { readPosts } from './readPosts.ts'
import type { PostReader } from './readPosts.ts'

/** How many posts a query has. */
export interface Total {
  readonly count: number
  readonly countedAt: string
}

const KEPT_MS = 5 * 60_000
const MAX_KEPT = 1_000
/** The client leaves before long. */
const MAX_COUNTING_MS = 3_000
const STEP = 2_000

/** Counts the posts of queries, and remembers the counts for five minutes. */
export class Totals {
  readonly #reader: PostReader
  readonly #clock: Clock
  readonly #kept = new Map<string, { readonly total: Total; readonly countedAt: number }>()

  constructor(reader: PostReader, clock: Clock) {
    this.#reader = reader
    this.#clock = clock
  }

  /** Undefined when counting takes too long. */
  async count(query: PostQuery, isOver: () => boolean): Promise<Total | undefined> {
    const now = performance.now()
    const known = this.#kept.get(query.scope)
    if (known !== undefined && now - known.countedAt < KEPT_MS) {
      return known.total
    }
    const countedAt = formatUs(this.#clock())
    let count = 0
    let from
    do {
      const isLate = performance.now() - now >= MAX_COUNTING_MS
      if (isLate || isOver()) {
        return undefined
      }
      const options = { from, limit: STEP, isOver, mostLookedAt: 10 * STEP }
      const found = await readPosts(this.#reader, query, options)
      count += found.posts.length
      from = found.next
    } while (from !== undefined)
    const total = { count, countedAt }
    if (this.#kept.size >= MAX_KEPT) {
      this.#kept.clear()
    }
    this.#kept.set(query.scope, { total, countedAt: now })
    return total
  }
}
