import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { prepareTuples } from '../db/tuplesStatement.ts'
import type { Us } from '../time.ts'

const START_SLOTS = 1 << 16
const LOAD_STEP = 5_000
/** So much more than was loaded is mostly posts that have left the window since. */
const MAX_GROWTH = 1_000_000

const SLASH = 47

/**
 * Says of nearly every post of the network at once that it is not one of ours: a set of 32-bit hashes
 * of record keys, which are times to the microsecond, so that one in some thousands says yes to a
 * stranger. Four bytes a slot: it costs ingest neither memory nor a look into the database.
 */
export class KeptPosts {
  #slots = new Uint32Array(START_SLOTS)
  #count = 0
  #loaded = 0

  /**
   * Begins anew with the posts that are stored and not older than a moment; stays as it is when those
   * cannot be read, since what it leaves out is never counted.
   */
  async load(database: Database, sinceUs: Us): Promise<void> {
    const fresh = new KeptPosts()
    const page = prepareTuples<
      { indexedAt: number; id: number; limit: number },
      readonly [indexedAt: number, id: number, rkey: string]
    >(
      database,
      { indexed_at: 'integer', id: 'integer', rkey: 'text' },
      (_db, parameter) => sql`select indexed_at, id, rkey from post
        where (indexed_at, id) > (${parameter('indexedAt')}, ${parameter('id')})
        order by indexed_at, id limit ${parameter('limit')}`,
    )
    let after = { indexedAt: Math.ceil(sinceUs) - 1, id: 0 }
    for (;;) {
      const rows = await page.tuples({ ...after, limit: LOAD_STEP })
      for (const [, , rkey] of rows) {
        fresh.add(rkey)
      }
      const last = rows.at(-1)
      if (rows.length < LOAD_STEP || last === undefined) {
        break
      }
      after = { indexedAt: last[0], id: last[1] }
    }
    this.#slots = fresh.#slots
    this.#count = fresh.#count
    this.#loaded = fresh.#count
  }

  /** Whether so many have been added since it was loaded that it is to be loaded again. */
  get isStale(): boolean {
    return this.#count - this.#loaded > MAX_GROWTH
  }

  add(rkey: string): void {
    if ((this.#count + 1) * 2 > this.#slots.length) {
      this.#grow()
    }
    this.#insert(hashOf(rkey))
  }

  /** Whether the post with an at-uri may be one of these; no is certain. */
  mayHave(uri: string): boolean {
    const hash = hashOf(uri)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]
      if (found === hash) {
        return true
      }
      if (found === 0) {
        return false
      }
    }
  }

  #insert(hash: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== 0) {
      if (this.#slots[slot] === hash) {
        return
      }
      slot = (slot + 1) & mask
    }
    this.#slots[slot] = hash
    this.#count += 1
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Uint32Array(before.length * 2)
    this.#count = 0
    for (const hash of before) {
      if (hash !== 0) {
        this.#insert(hash)
      }
    }
  }
}

/**
 * Of what stands after the last slash: FNV-1a from the end on, with a last mixing; never 0, which
 * stands for an empty slot.
 */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = text.length - 1; index >= 0; index -= 1) {
    const unit = text.charCodeAt(index)
    if (unit === SLASH) {
      break
    }
    hash = Math.imul(hash ^ unit, 0x01000193)
  }
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0 || 1
}

/** Loads the set again when it has grown by what is old. */
export class KeptPostsReloader {
  readonly #options: { kept: KeptPosts; database: Database; windowUs: Us }

  constructor(options: { kept: KeptPosts; database: Database; windowUs: Us }) {
    this.#options = options
  }

  async stepIfDue(nowUs: Us): Promise<boolean> {
    const { kept, database, windowUs } = this.#options
    if (!kept.isStale) {
      return false
    }
    await kept.load(database, nowUs - windowUs)
    return true
  }
}
