import { setTimeout as delay } from 'node:timers/promises'
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

interface Counting {
  readonly total: Promise<Total | undefined>
  /** By `performance.now`. */
  readonly begunAt: number
}

const KEPT_MS = 5 * 60_000
const MAX_KEPT = 1_000
/** Who asks waits no longer: what is counted then is there when they ask again. */
const MAX_WAITING_MS = 2_000
/** Counting ends after so long, and nobody learns how many there are. */
const MAX_COUNTING_MS = 20_000
/** So many queries are counted at a time. */
const MAX_UNDER_WAY = 2
const STEP = 2_000

/** Counts the posts of queries, and remembers the counts for five minutes. */
export class Totals {
  readonly #reader: PostReader
  readonly #clock: Clock
  readonly #byScope = new Map<string, Counting>()
  #underWay = 0

  constructor(reader: PostReader, clock: Clock) {
    this.#reader = reader
    this.#clock = clock
  }

  /** Undefined while it is still being counted. */
  async count(query: PostQuery): Promise<Total | undefined> {
    const now = performance.now()
    let counting = this.#byScope.get(query.scope)
    if (counting === undefined || now - counting.begunAt >= KEPT_MS) {
      if (this.#underWay >= MAX_UNDER_WAY) {
        return undefined
      }
      if (this.#byScope.size >= MAX_KEPT) {
        this.#byScope.clear()
      }
      counting = { total: this.#countAll(query), begunAt: now }
      this.#byScope.set(query.scope, counting)
    }
    using ended = new AbortTimer()
    return await Promise.race([counting.total, ended.after(MAX_WAITING_MS)])
  }

  async #countAll(query: PostQuery): Promise<Total | undefined> {
    this.#underWay += 1
    const endsAt = performance.now() + MAX_COUNTING_MS
    const isOver = (): boolean => performance.now() >= endsAt
    const countedAt = formatUs(this.#clock())
    try {
      let count = 0
      let from
      do {
        const options = { from, limit: STEP, isOver, mostLookedAt: 10 * STEP }
        const found = await readPosts(this.#reader, query, options)
        count += found.posts.length
        from = found.next
        if (from !== undefined && isOver()) {
          return undefined
        }
      } while (from !== undefined)
      return { count, countedAt }
    } catch {
      // The page says what is wrong with the database; the next who asks counts anew.
      this.#byScope.delete(query.scope)
      return undefined
    } finally {
      this.#underWay -= 1
    }
  }
}

/** A wait that ends with its block. */
class AbortTimer implements Disposable {
  readonly #abort = new AbortController()

  after(ms: number): Promise<undefined> {
    return delay(ms, undefined, { signal: this.#abort.signal, ref: false }).catch(() => undefined)
  }

  [Symbol.dispose](): void {
    this.#abort.abort()
  }
}
