/**
 * Reads all follows of a repository, page by page: 10,000 are a hundred pages, too many one after the
 * other for a reader who waits. On the reference PDS a cursor is the record key of the last record, and
 * record keys are times. So the list is read from both ends at once; then what lies between is cut into
 * ranges, one for each *lane*, and a lane that has nothing left to do takes half of the longest range
 * that is left. This holds only for as long as each page proves it: its cursor is its last key, and its
 * keys lie inside the range, in order. Else the list is read from the newest on, one page after the other.
 */
import { IdentityError } from '../identity/identityError.ts'
import { PAGE_SIZE } from './followPage.ts'
import type { Follow, FollowPage, ReadFollowPage } from './followPage.ts'
import { middleKey } from './middleKey.ts'

/** Of more follows only the newest count. */
export const MAX_FOLLOWS = 10_000
const LANES = 8
/** Pages that are read by lanes at most; a longer list is read from the newest on. */
const MAX_LANE_PAGES = 2 * Math.ceil(MAX_FOLLOWS / PAGE_SIZE)

/** The list is not what lanes can read: not an error. */
class UnprovenError extends Error {
  override name = 'UnprovenError'
}

/**
 * The newest 10,000 follows of a repository, all of them.
 * @throws IdentityError, or the error of a request, when the list cannot be read to its end
 */
export async function walkFollows(read: ReadFollowPage): Promise<Follow[]> {
  const [newest, oldest] = await Promise.all([read({}), read({ reverse: true })])
  if (newest.rkeys.length === 0) {
    return []
  }
  try {
    return cut(await walkInLanes(read, newest, oldest))
  } catch (error) {
    if (error instanceof UnprovenError) {
      return cut(await walkInOrder(read, newest))
    }
    throw error
  }
}

function cut(follows: Iterable<readonly [string, Follow]>): Follow[] {
  return [...follows]
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .slice(0, MAX_FOLLOWS)
    .map(([, follow]) => follow)
}

type Found = Map<string, Follow>

/** Keys above `after` and below `before` are still to be read, downwards. */
interface Range {
  before: string
  readonly after: { key: string }
}

async function walkInLanes(
  read: ReadFollowPage,
  newest: FollowPage,
  oldest: FollowPage,
): Promise<Found> {
  const found: Found = new Map()
  const [before, after] = [checkPage(newest, 'down'), checkPage(oldest, 'up')]
  keep(found, newest)
  keep(found, oldest)
  if (before <= after) {
    // The ends have met: whatever lies between was on both pages.
    return found
  }
  const ranges: Range[] = [{ before, after: { key: after } }]
  let pages = 0
  const lane = async (): Promise<void> => {
    for (let range = takeRange(ranges); range !== undefined; range = takeRange(ranges)) {
      while (range.before > range.after.key) {
        pages += 1
        if (pages > MAX_LANE_PAGES) {
          throw new UnprovenError('there are too many')
        }
        const page = await read({ cursor: range.before })
        if (page.rkeys.length === 0) {
          throw new UnprovenError('what was there before is not there any more')
        }
        const last = checkPage(page, 'down', range.before)
        keep(found, page)
        range.before = last
      }
      ranges.splice(ranges.indexOf(range), 1)
    }
  }
  const stopping = (): Promise<void> =>
    lane().catch((error: unknown) => {
      // The others end with their next page.
      pages = MAX_LANE_PAGES
      throw error
    })
  const expected = (2 * lengthOf(ranges[0] as Range)) / (spanOf(newest) + spanOf(oldest))
  const lanes = Math.min(LANES, Math.max(1, Math.ceil(expected)))
  await Promise.all(Array.from({ length: lanes }, stopping))
  return found
}

/** Half of the longest range; the first one as a whole. Undefined when none is worth to be cut. */
function takeRange(ranges: Range[] & { isBegun?: true }): Range | undefined {
  const [longest] = ranges.toSorted((a, b) => lengthOf(b) - lengthOf(a))
  if (longest === undefined) {
    return undefined
  }
  if (ranges.isBegun === undefined) {
    ranges.isBegun = true
    return longest
  }
  const middle = middleKey(longest.before, longest.after.key)
  if (middle === undefined) {
    return undefined
  }
  const lower: Range = { before: middle, after: { key: longest.after.key } }
  longest.after.key = middle
  ranges.push(lower)
  return lower
}

function lengthOf({ before, after }: Range): number {
  return keyNumber(before) - keyNumber(after.key)
}

/** Of the keys of a page, as a number. */
function spanOf({ rkeys }: FollowPage): number {
  return Math.max(1, Math.abs(keyNumber(rkeys[0] ?? '') - keyNumber(rkeys.at(-1) ?? '')))
}

const DIGITS = '234567abcdefghijklmnopqrstuvwxyz'

function keyNumber(key: string): number {
  let value = 0
  for (const letter of key.slice(0, 10)) {
    value = value * 32 + DIGITS.indexOf(letter)
  }
  return value
}

const TID = /^[2-7a-j][2-7a-z]{12}$/u

/** The last key of a page that is as the reference PDS makes them. */
function checkPage(page: FollowPage, direction: 'down' | 'up', before?: string): string {
  const { rkeys, cursor } = page
  const keys = before === undefined ? rkeys : [before, ...rkeys]
  const isInOrder = keys.every((key, index) => {
    const former = keys[index - 1]
    const isNext = former === undefined || (direction === 'down' ? key < former : key > former)
    return TID.test(key) && isNext
  })
  const last = rkeys.at(-1)
  if (!isInOrder || last === undefined || cursor !== last) {
    throw new UnprovenError('the pages are not ranges of keys')
  }
  return last
}

async function walkInOrder(read: ReadFollowPage, newest: FollowPage): Promise<Found> {
  const found: Found = new Map()
  const seen = new Set(newest.rkeys)
  keep(found, newest)
  let { cursor } = newest
  while (cursor !== undefined && found.size < MAX_FOLLOWS) {
    const page = await read({ cursor })
    if (page.rkeys.length === 0) {
      break
    }
    const before = seen.size
    page.rkeys.forEach((rkey) => seen.add(rkey))
    if (seen.size === before || page.cursor === cursor) {
      throw new IdentityError('the PDS of the viewer sends the same page again and again')
    }
    keep(found, page)
    cursor = page.cursor
  }
  return found
}

function keep(found: Found, { follows }: FollowPage): void {
  for (const follow of follows) {
    found.set(follow.rkey, follow)
  }
}
