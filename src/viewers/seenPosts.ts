import type { SmallWrites } from '../db/smallWrites.ts'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'

const FLUSH_MS = 500
/** Readers wait for a transaction on SQLite. */
const ROWS_AT_ONCE = 250
/** More of them are not remembered in memory; the store knows them all the same. */
const MAX_NOTED = 100_000
/** What waits while the database is locked; beyond it views are lost, which nobody notices. */
const MAX_WAITING = 50_000

interface SeenPost {
  readonly viewer: string
  readonly uri: string
}

/**
 * Which posts viewers have seen, on their way to ingest, which counts them: only the session that ingests
 * writes what posts have. Gathered for half a second, so that a thousand viewers of a page are one write.
 */
export class SeenPosts implements AsyncDisposable {
  readonly #writes: SmallWrites
  readonly #logger: Logger
  #noted = new Set<string>()
  #waiting: SeenPost[] = []
  #flushing: Promise<void> = Promise.resolve()
  readonly #timer: NodeJS.Timeout

  constructor(writes: SmallWrites, logger: Logger) {
    this.#writes = writes
    this.#logger = logger
    this.#timer = setInterval(() => {
      this.#flushing = this.#flushing.then(() => this.#flush())
    }, FLUSH_MS).unref()
  }

  note(viewer: string, uri: string): void {
    const key = `${viewer} ${uri}`
    if (this.#noted.has(key) || this.#waiting.length >= MAX_WAITING) {
      return
    }
    if (this.#noted.size >= MAX_NOTED) {
      this.#noted.clear()
    }
    this.#noted.add(key)
    this.#waiting.push({ viewer, uri })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#flushing
    await this.#flush()
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const rows = this.#waiting.splice(0, ROWS_AT_ONCE)
      try {
        await this.#writes.write(async ({ kysely }) => {
          await kysely
            .insertInto('seen')
            .values(rows)
            .onConflict((conflict) => conflict.doNothing())
            .execute()
        })
      } catch (error) {
        const reason = describeError(error)
        this.#logger.warn(
          { event: 'viewsLost', posts: rows.length, reason },
          `views are lost: ${reason}`,
        )
      }
    }
  }
}
