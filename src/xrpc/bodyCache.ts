import type { RegisteredFeed } from '../feeds/registry.ts'

const MAX_KEPT = 2_000
/** The retention goes by the clock, and with it what a page may show. */
const KEPT_MS = 1_000
/**
 * So long what is known of the database's version is taken as true, within one turn of the event loop.
 * A turn alone is no bound: while more than 1,024 connections are busy, the loop polls again and again
 * before it comes to `setImmediate`.
 */
const VERSION_MS = 1

export interface KeptBody {
  readonly body: string
  readonly registered: RegisteredFeed
}

interface Entry extends KeptBody {
  readonly version: number
  /** By `performance.now`. */
  readonly endsAt: number
}

/**
 * The bodies of first pages, by their query. They are kept until anything is committed to the database,
 * so that what was deleted is gone at once, and for at most a second. All moments are those of
 * `performance.now`.
 */
export class BodyCache implements Disposable {
  readonly #readVersion: () => number | undefined
  #entries = new Map<string, Entry>()
  #version: number | undefined
  /** Until when the version need not be asked for again. */
  #versionEndsAt = 0
  readonly #expiry: NodeJS.Timeout

  constructor(readVersion: () => number | undefined) {
    this.#readVersion = readVersion
    this.#expiry = setInterval(() => this.#entries.clear(), KEPT_MS).unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#expiry)
  }

  /**
   * The version of the database, to be asked for before a page is read. Read at most once a turn of the
   * event loop: every request of a turn had arrived before it, or a moment later.
   */
  versionAt(now: number): number | undefined {
    if (now >= this.#versionEndsAt) {
      this.#version = this.#readVersion()
      if (this.#versionEndsAt === 0) {
        setImmediate(() => {
          this.#versionEndsAt = 0
        })
      }
      this.#versionEndsAt = now + VERSION_MS
    }
    return this.#version
  }

  find(search: string, version: number | undefined, now: number): KeptBody | undefined {
    const entry = this.#entries.get(search)
    return entry !== undefined && entry.version === version && now < entry.endsAt
      ? entry
      : undefined
  }

  /** Keeps the body of a page that was read at a version; nothing where there are no versions. */
  keep(search: string, kept: KeptBody, version: number | undefined, now: number): void {
    if (version === undefined) {
      return
    }
    if (this.#entries.size >= MAX_KEPT) {
      this.#entries.clear()
    }
    this.#entries.set(search, { ...kept, version, endsAt: now + KEPT_MS })
  }
}
