import { sql } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import { US_PER_HOUR } from '../../time.ts'
import type { Us } from '../../time.ts'
import { KeySet } from './keySet.ts'

/** So many more than were loaded are mostly posts that have left the window since. */
const MAX_GROWTH = 1_000_000
/** Of a window of months a step is longer than an hour. */
const MAX_STEPS = 100

/** Says of nearly every post of the network at once that it is not one of ours, by its record key. */
export class KeptPosts {
  #keys = new KeySet()
  #loaded = 0

  /**
   * Begins anew with the posts that are stored and stand between two moments; stays as it is when those
   * cannot be read, since what it leaves out is never counted. The record keys of an hour come as one
   * text: that is a third of the work of a row for each.
   */
  async load(database: WriteDatabase, { sinceUs, untilUs }: Record<'sinceUs' | 'untilUs', Us>) {
    const keys = new KeySet()
    const stretch = database.prepare<{ from: Us; to: Us }, { keys: string | null; count: number }>(
      (parameter) => sql<{ keys: string | null; count: number }>`
        select string_agg(rkey, ' ') as keys, count(*) as count from post
        where indexed_at >= ${parameter('from')} and indexed_at < ${parameter('to')}`,
    )
    const stepUs = Math.max(US_PER_HOUR, Math.ceil((untilUs - sinceUs) / MAX_STEPS))
    for (let from = Math.floor(sinceUs); from <= untilUs; from += stepUs) {
      // A post may be dated later than our clock, if that was set back.
      const to = from + stepUs > untilUs ? Number.MAX_SAFE_INTEGER : from + stepUs
      const [row] = await stretch.all({ from, to })
      keys.addAll(row?.keys ?? '', row?.count ?? 0)
    }
    this.#keys = keys
    this.#loaded = keys.size
  }

  /** Whether so many have been added since it was loaded that it is to be loaded again. */
  get isStale(): boolean {
    return this.#keys.size - this.#loaded > MAX_GROWTH
  }

  add(rkey: string): void {
    this.#keys.add(rkey)
  }

  /** Whether the post with an at-uri may be one of these; no is certain. */
  mayHave(uri: string): boolean {
    return this.#keys.mayHave(uri)
  }
}
