import { setImmediate as nextTurn } from 'node:timers/promises'
import { authorOf } from '../posts/postUri.ts'
import { tagKey } from '../posts/tagKey.ts'
import { US_PER_HOUR } from '../time.ts'
import type { Us } from '../time.ts'
import type { TagStatements } from './tagStatements.ts'

/** The time that is counted: the last hours, and as many before. */
export interface TagWindow {
  readonly nowUs: Us
  readonly hours: number
  /** Older posts are not shown. */
  readonly oldestUs: Us
}

export interface TagCount {
  readonly tag: string
  readonly posts: number
  readonly authors: number
  readonly before: number
  readonly authorsBefore: number
  /** Posts an hour, above 48 hours a day; the oldest first. */
  readonly history: readonly number[]
}

/** In one turn of the event loop: some 2 ms. */
const ROWS_AT_ONCE = 1_000
const MOST_HOURS_BY_HOUR = 48
const HOURS_OF_DAY = 24

/** Counts the visible posts of a tag, post by post. */
export async function countTag(
  { postsOfTag }: TagStatements,
  tag: string,
  { nowUs, hours, oldestUs }: TagWindow,
): Promise<TagCount> {
  const bucketHours = hours > MOST_HOURS_BY_HOUR ? HOURS_OF_DAY : 1
  const history = Array.from({ length: Math.ceil(hours / bucketHours) }, () => 0)
  const sinceUs = nowUs - hours * US_PER_HOUR
  const authors = new Set<string>()
  const authorsBefore = new Set<string>()
  let posts = 0
  let before = 0
  // Up to now, and not after.
  let place = { indexedAt: nowUs + 1, cid: '', uri: '' }
  const oldest = Math.max(sinceUs - hours * US_PER_HOUR, oldestUs)
  for (;;) {
    const rows = await postsOfTag.tuples({
      ...{ tag: tagKey(tag), oldest, limit: ROWS_AT_ONCE },
      ...place,
    })
    for (const [indexedAt, , uri] of rows) {
      if (indexedAt > sinceUs) {
        posts += 1
        authors.add(authorOf(uri))
        const bucket = Math.floor((nowUs - indexedAt) / (bucketHours * US_PER_HOUR))
        const index = history.length - 1 - bucket
        history[index] = (history[index] ?? 0) + 1
      } else {
        before += 1
        authorsBefore.add(authorOf(uri))
      }
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < ROWS_AT_ONCE) {
      break
    }
    place = { indexedAt: last[0], cid: last[1], uri: last[2] }
    await nextTurn()
  }
  const counted = { posts, authors: authors.size, before, authorsBefore: authorsBefore.size }
  return { tag, ...counted, history }
}
