import { setImmediate as nextTurn } from 'node:timers/promises'
import { US_PER_HOUR } from '../time.ts'
import type { TagWindow } from './countTag.ts'
import { risingScore } from './risingScore.ts'
import type { TagStatements } from './tagStatements.ts'

export type TagOrder = 'posts' | 'rising'

/** What is to be found. */
export interface TopQuery extends TagWindow {
  /** In canonical form. */
  readonly prefix: string | undefined
  readonly order: TagOrder
}

/** Of each hour so many tags are looked at. */
const TAGS_OF_HOUR = 400
/** So many are counted hour by hour, and so many of them post by post. */
const MOST_CANDIDATES = 600
const MOST_FOUND = 150
const SUMS_AT_ONCE = 64
/** Above every text that begins as a prefix does. */
const LAST_CHARACTER = '\u{10FFFF}'

/**
 * The tags that may be among the first hundred, by what was counted hour by hour: whole hours, of which
 * the first and the last are only in part in the window. A tag of the first hundred of a week is among the
 * first few hundred of one of its hours.
 */
export async function findTopTags(statements: TagStatements, query: TopQuery): Promise<string[]> {
  const { nowUs, hours, order } = query
  const toHour = Math.floor(nowUs / US_PER_HOUR)
  const fromHour = Math.floor((nowUs - hours * US_PER_HOUR) / US_PER_HOUR)
  const seen = new Map<string, number>()
  for (let hour = fromHour; hour <= toHour; hour += 1) {
    for (const { tag, posts } of await topOfHour(statements, query, hour)) {
      seen.set(tag, (seen.get(tag) ?? 0) + posts)
    }
    await nextTurn()
  }
  const candidates = firstOf(seen, MOST_CANDIDATES)
  const now = await sumHours(statements, candidates, { fromHour, toHour })
  if (order === 'posts') {
    return firstOf(now, MOST_FOUND)
  }
  const before = await sumHours(statements, candidates, {
    fromHour: fromHour - hours,
    toHour: fromHour - 1,
  })
  const growth = candidates.map((tag): [string, number] => [
    tag,
    risingScore({ authors: now.get(tag) ?? 0, authorsBefore: before.get(tag) ?? 0 }),
  ])
  return firstOf(new Map(growth), MOST_FOUND)
}

async function topOfHour(
  { topOfHour, topOfHourBetween }: TagStatements,
  { prefix }: TopQuery,
  hour: number,
): Promise<readonly { tag: string; posts: number }[]> {
  const limit = TAGS_OF_HOUR
  const rows =
    prefix === undefined
      ? await topOfHour.all({ hour, limit })
      : await topOfHourBetween.all({ hour, limit, from: prefix, to: prefix + LAST_CHARACTER })
  // Tags that are too long for a key are known by a hash alone.
  return rows.filter(({ tag }) => !tag.startsWith('#'))
}

async function sumHours(
  { postsInHours }: TagStatements,
  tags: readonly string[],
  { fromHour, toHour }: { readonly fromHour: number; readonly toHour: number },
): Promise<Map<string, number>> {
  const sums = new Map<string, number>()
  for (let from = 0; from < tags.length; from += SUMS_AT_ONCE) {
    const some = tags.slice(from, from + SUMS_AT_ONCE)
    for (const { tag, posts } of await postsInHours.all(some.map((t) => [t, fromHour, toHour]))) {
      sums.set(tag, posts)
    }
    await nextTurn()
  }
  return sums
}

/** The tags with the greatest numbers, the greatest first. */
function firstOf(numbers: ReadonlyMap<string, number>, count: number): string[] {
  return [...numbers]
    .toSorted(([tagA, a], [tagB, b]) => b - a || (tagA < tagB ? -1 : 1))
    .slice(0, count)
    .map(([tag]) => tag)
}
