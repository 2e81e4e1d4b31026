import { sql } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import { KeySet } from './keySet.ts'

/** Where something is stored of records; each has an index that begins with `rkey`. */
const TABLES = ['record_trace', 'engagement', 'post'] as const
/** About an hour of the network, which is as far as a host replays. */
const LOADED_KEYS = 150_000
const MAX_GROWTH = 1_000_000
/** Above all keys that are times; what stands above it is not loaded. */
const END = 'k'
const END_UNIT = END.charCodeAt(0)

/**
 * Says of nearly every record that comes that nothing is stored of it, so that nobody looks for it: new
 * record keys are times, and the keys of the latest stored records are held here. Of all others, such
 * as old keys and keys that are no times, it cannot tell.
 */
export class KnownRecords {
  readonly #limit: number
  #keys = new KeySet()
  /** Of the keys above this one, all that are stored are held. */
  #since = END
  #loaded = 0

  /** `limit`: so many of the latest keys of each table are loaded. */
  constructor(limit = LOADED_KEYS) {
    this.#limit = limit
  }

  /** Of a store in which nothing is stored yet. */
  static ofNothing(): KnownRecords {
    const known = new KnownRecords()
    known.#since = ''
    return known
  }

  /**
   * Begins anew with what is stored; stays as it is when that cannot be read. No other process may
   * store records from then on.
   */
  async load(database: WriteDatabase): Promise<void> {
    const keys = new KeySet()
    let since = ''
    for (const table of TABLES) {
      const newest = database.prepare<
        { limit: number },
        { keys: string | null; lowest: string | null; count: number }
      >(
        (parameter) => sql<{ keys: string | null; lowest: string | null; count: number }>`
          select string_agg(rkey, ' ') as keys, min(rkey) as lowest, count(*) as count
          from (select rkey from ${sql.table(table)} where rkey < ${sql.lit(END)}
            order by rkey desc limit ${parameter('limit')}) as newest`,
      )
      const [row] = await newest.all({ limit: this.#limit })
      keys.addAll(row?.keys ?? '', row?.count ?? 0)
      const lowest = row?.count === this.#limit ? (row.lowest ?? '') : ''
      since = lowest > since ? lowest : since
    }
    this.#keys = keys
    this.#since = since
    this.#loaded = keys.size
  }

  /** Whether so many have been added since it was loaded that it is to be loaded again. */
  get isStale(): boolean {
    return this.#keys.size - this.#loaded > MAX_GROWTH
  }

  /** Whether something may be stored of a record whose key stands in `text`; no is certain. */
  mayHave(text: string, from = 0, to = text.length): boolean {
    return !this.#covers(text, from, to) || this.#keys.mayHave(text, from, to)
  }

  /** Something is about to be stored of a record. Answers whether it is certainly the first thing. */
  add(rkey: string): boolean {
    if (!this.#covers(rkey, 0, rkey.length)) {
      return false
    }
    const isFirst = !this.#keys.mayHave(rkey)
    if (isFirst) {
      this.#keys.add(rkey)
    }
    return isFirst
  }

  /** Unit by unit: to compare parts of texts would make texts of them, for every like of the network. */
  #covers(text: string, from: number, to: number): boolean {
    const since = this.#since
    if (text.charCodeAt(from) >= END_UNIT) {
      return false
    }
    for (let index = 0; index < since.length; index += 1) {
      const unit = from + index < to ? text.charCodeAt(from + index) : -1
      const bound = since.charCodeAt(index)
      if (unit !== bound) {
        return unit > bound
      }
    }
    return to - from > since.length
  }
}
