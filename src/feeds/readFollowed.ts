/**
 * The posts of a feed by followed accounts, in two ways. *Walking* reads the feed and leaves out what is by
 * others: good where a share of its posts is by followed accounts. *Collecting* looks at each followed
 * account for its own posts within a stretch of time: good where nearly all posts are by others. A page
 * begins by walking, and goes on by collecting as soon as the posts found so far say that this is less
 * work. Either way the work is bounded: by the rows walked, or by the accounts followed (decision 0015).
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { authorOf, postUri } from '../posts/postUri.ts'
import { US_PER_SECOND } from '../time.ts'
import type { Us } from '../time.ts'
import type { Keyset } from './cursor.ts'
import { throwIfAbandoned } from './feed.ts'
import type { PageRequest } from './feed.ts'
import { MAX_BY_AUTHOR } from './pageStatements.ts'
import type { PageStatements, PageTuple } from './pageStatements.ts'

export interface FollowedReading {
  readonly statements: PageStatements
  readonly filterId: number
  /** The place below which the page begins. */
  readonly place: Keyset
  /** Older posts are not shown. */
  readonly oldest: Us
  readonly nowUs: Us
  readonly follows: ReadonlySet<string>
  readonly isKept: (uri: string) => boolean
  /** So many posts; fewer only at the end. */
  readonly wanted: number
  readonly reader: PageRequest['reader']
}

/** So few accounts are looked at one by one at once. */
const FEW = 16
/** Rows that are walked before it is asked which way is shorter, and at most. */
const LEAST_WALK = 300
const MAX_WALK = 5_000
const MAX_STEP = 1_000
/** What looking at an account costs, in rows walked: a seek, often on a page of the database not in memory. */
const ROWS_PER_ACCOUNT = 6
const LONGER = 4
const SHORTER = 8

export async function readFollowed(reading: FollowedReading): Promise<PageTuple[]> {
  const { follows, place, wanted } = reading
  if (follows.size === 0) {
    return []
  }
  if (follows.size <= FEW) {
    return await collect(reading, { found: [], from: place, spanUs: Number.MAX_SAFE_INTEGER })
  }
  const walked = await walk(reading)
  return walked.isOver || walked.found.length >= wanted ? walked.found : collect(reading, walked)
}

/** How far a page has come. */
interface Progress {
  readonly found: PageTuple[]
  /** All above it has been looked at. */
  readonly from: Keyset
}

async function walk(
  reading: FollowedReading,
): Promise<Progress & { readonly isOver: boolean; readonly spanUs: Us }> {
  const { statements, filterId, oldest, follows, isKept, wanted, reader } = reading
  const found: PageTuple[] = []
  let from = reading.place
  let step = Math.max(100, wanted * 2)
  let walked = 0
  let firstUs: Us | undefined
  for (;;) {
    const rows = await statements.recent.tuples({ ...from, filterId, oldest, limit: step })
    for (const row of rows) {
      if (found.length < wanted && follows.has(authorOf(row[2])) && isKept(row[2])) {
        found.push(row)
      }
    }
    walked += rows.length
    firstUs ??= rows[0]?.[0]
    const last = rows.at(-1)
    if (last === undefined || found.length >= wanted || rows.length < step) {
      return { found, from, isOver: true, spanUs: 0 }
    }
    const [indexedAt, cid, uri] = last
    from = { indexedAt, cid, uri }
    const rowsLeft = (walked / Math.max(1, found.length)) * (wanted - found.length)
    const isLonger = rowsLeft > follows.size * ROWS_PER_ACCOUNT + LEAST_WALK
    if (walked >= MAX_WALK || (walked >= LEAST_WALK && isLonger)) {
      // Twice as long as the rest should take, by what was found so far.
      const spanUs = ((firstUs ?? indexedAt) - indexedAt) * (rowsLeft / walked) * 2
      return { found, from, isOver: false, spanUs }
    }
    step = Math.min(step * 2, MAX_STEP)
    throwIfAbandoned(reader)
  }
}

async function collect(
  reading: FollowedReading,
  progress: Progress & { readonly spanUs: Us },
): Promise<PageTuple[]> {
  const { oldest, nowUs, isKept, wanted, reader } = reading
  const { found } = progress
  let { from, spanUs } = progress
  spanUs = Math.max(spanUs, US_PER_SECOND)
  for (;;) {
    const untilUs = Math.max(oldest, Math.min(from.indexedAt, nowUs) - spanUs)
    const rows = await collectUntil(reading, from, untilUs)
    if (rows.length >= MAX_BY_AUTHOR && spanUs > US_PER_SECOND) {
      spanUs = Math.min(spanUs, nowUs - oldest) / SHORTER
    } else {
      for (const row of rows) {
        if (found.length < wanted && isKept(row[2])) {
          found.push(row)
        }
      }
      if (found.length >= wanted || untilUs <= oldest) {
        return found
      }
      from = { indexedAt: untilUs, cid: '', uri: '' }
      spanUs *= LONGER
    }
    // Others have their turn before many accounts are looked at once more.
    if (reading.follows.size > FEW) {
      await nextTurn()
    }
    throwIfAbandoned(reader)
  }
}

/** What the followed accounts have between a place and a moment, newest first. */
async function collectUntil(
  { statements, filterId, follows }: FollowedReading,
  { indexedAt, cid, uri }: Keyset,
  untilUs: Us,
): Promise<PageTuple[]> {
  const oldest = Math.ceil(untilUs)
  const rows = await statements.byAuthor.all(
    Array.from(follows, (did) => [filterId, did, indexedAt, cid, uri, oldest]),
  )
  return rows
    .map((row): PageTuple => [row.indexed_at, row.cid, postUri(row.did, row.rkey)])
    .sort(
      ([a, aCid, aUri], [b, bCid, bUri]) =>
        b - a || descending(aCid, bCid) || descending(aUri, bUri),
    )
}

/** Cids and at-uris are ASCII: to compare units is to compare bytes. */
function descending(a: string, b: string): number {
  return a < b ? 1 : Number(a > b) * -1
}
