/**
 * The writes of a process that serves: few and small ones, which never hold a reader up. They go one
 * after the other over one connection, which is open while there is something to write, and wait for no
 * lock longer than an instant: what finds the database locked is tried again.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { WriteDatabase } from './database.ts'
import { troubleOf } from './databaseErrors.ts'
import { openWriter } from './openDatabase.ts'

type Work = (database: WriteDatabase) => Promise<void>

interface Waiting {
  readonly work: Work
  readonly giveUpAt: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Readers wait for it on SQLite. */
const BUSY_MS = 50
const RETRY_MS = { least: 20, most: 1_000 }
const GIVE_UP_MS = 30_000
const IDLE_MS = 5_000
/** More wait only when the database is away. */
const MAX_WAITING = 10_000

export class SmallWrites implements AsyncDisposable {
  readonly #databaseUrl: string
  readonly #waiting: Waiting[] = []
  readonly #stop = new AbortController()
  #writer: WriteDatabase | undefined
  #running: Promise<void> | undefined
  #idle: NodeJS.Timeout | undefined

  constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl
  }

  /**
   * Runs some work in a transaction of its own, again and again while the database is locked or away; so it
   * must bear to be begun twice.
   * @throws when it fails otherwise, or half a minute has gone
   */
  write(work: Work): Promise<void> {
    if (this.#stop.signal.aborted || this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new Error('the database takes no writes now'))
    }
    return new Promise((resolve, reject) => {
      const giveUpAt = performance.now() + GIVE_UP_MS
      this.#waiting.push({ work, giveUpAt, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Writes what waits, once, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
    clearTimeout(this.#idle)
    await this.#close()
  }

  async #run(): Promise<void> {
    clearTimeout(this.#idle)
    let waitMs = RETRY_MS.least
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      try {
        await this.#attempt(next.work)
        next.resolve()
        this.#waiting.shift()
        waitMs = RETRY_MS.least
      } catch (error) {
        const trouble = troubleOf(error)
        const isForLater = trouble === 'transient' || trouble === 'lost'
        if (trouble !== 'transient') {
          await this.#close()
        }
        const isOver = this.#stop.signal.aborted || performance.now() >= next.giveUpAt
        if (!isForLater || isOver) {
          next.reject(error)
          this.#waiting.shift()
        } else {
          await delay(waitMs, undefined, { signal: this.#stop.signal }).catch(() => {})
          waitMs = Math.min(RETRY_MS.most, waitMs * 2)
        }
      }
    }
    // Before anything else can be handed in: it would wait for a run that is over.
    this.#running = undefined
    this.#idle = setTimeout(() => void this.#close(), IDLE_MS).unref()
  }

  async #attempt(work: Work): Promise<void> {
    this.#writer ??= await openWriter(this.#databaseUrl, {
      lockTimeoutMs: BUSY_MS,
      mustExist: true,
    })
    const writer = this.#writer
    await writer.transaction(() => work(writer))
  }

  async #close(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    await writer?.[Symbol.asyncDispose]()
  }
}
