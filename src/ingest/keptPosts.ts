import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Us } from '../time.ts'
import { postUri } from './derivedRows.ts'

const START_SLOTS = 1 << 16
const LOAD_STEP = 5_000
/** So much more than was loaded is mostly posts that have left the window since. */
const MAX_GROWTH = 1_000_000

/**
 * Says of nearly every post of the network at once that it is not one of ours: a set of 32-bit hashes
 * of at-uris, of which one in some thousands says yes to a stranger. Four bytes a slot, so that it
 * costs ingest neither memory nor a look into the database.
 */
export class KeptPosts {
  #slots = new Uint32Array(START_SLOTS)
  #count = 0
  #loaded = 0

  /** Begins anew with the posts that are stored and not older than a moment. */
  async load(database: Database, sinceUs: Us): Promise<void> {
    this.#slots = new Uint32Array(START_SLOTS)
    this.#count = 0
    let after = { indexed_at: Math.ceil(sinceUs) - 1, id: 0 }
    for (;;) {
      const rows = await database.kysely
        .selectFrom('post')
        .innerJoin('account', 'account.id', 'post.account_id')
        .select(['post.id', 'post.indexed_at', 'post.rkey', 'account.did'])
        .where(sql<boolean>`(post.indexed_at, post.id) > (${after.indexed_at}, ${after.id})`)
        .orderBy('post.indexed_at')
        .orderBy('post.id')
        .limit(LOAD_STEP)
        .execute()
      for (const { did, rkey } of rows) {
        this.add(postUri(did, rkey))
      }
      const last = rows.at(-1)
      if (rows.length < LOAD_STEP || last === undefined) {
        break
      }
      after = last
    }
    this.#loaded = this.#count
  }

  /** Whether so many have been added since it was loaded that it is to be loaded again. */
  get isStale(): boolean {
    return this.#count - this.#loaded > MAX_GROWTH
  }

  add(uri: string): void {
    if ((this.#count + 1) * 2 > this.#slots.length) {
      this.#grow()
    }
    this.#insert(hashOf(uri))
  }

  /** False is certain. */
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

/** FNV-1a with a last mixing; never 0, which stands for an empty slot. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
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
