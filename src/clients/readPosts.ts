/**
 * The posts of a query from a place on, in both directions, each once. One list of posts is read for each
 * tag, merged in their order; for `all` the shortest one alone, whose posts are looked at for the other tags.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { TOP } from '../feeds/cursor.ts'
import type { Keyset } from '../feeds/cursor.ts'
import { createMatcher } from '../posts/postMatcher.ts'
import { authorOf } from '../posts/postUri.ts'
import { MergedLists, placeOf } from './mergedLists.ts'
import type { PostLists, PostTuple, ReadList } from './postLists.ts'
import { hasConditions, needsFacts } from './postQuery.ts'
import type { PostQuery } from './postQuery.ts'
import type { ReadFacts } from './readFacts.ts'

export interface PostReader {
  readonly lists: PostLists
  readonly readFacts: ReadFacts
  /** The oldest moment that is shown now. */
  readonly oldest: () => number
}

export interface FoundPosts {
  readonly posts: readonly PostTuple[]
  /** Where the next page goes on; undefined when nothing is left. */
  readonly next: Keyset | undefined
}

export interface ReadOptions {
  /** Below which, or above which, the page begins; undefined: where the query does. */
  readonly from?: Keyset | undefined
  readonly limit: number
  /** Nobody waits for it any more. */
  readonly isOver: () => boolean
  /** So many posts are looked at, at most. */
  readonly mostLookedAt?: number
}

/** Rarer matches may make a page short. */
const LOOKED_AT_A_POST = 1_000
const BATCH = 200
/** A few milliseconds: others have their turn in between. */
const MAX_BATCH = 1_000
const END = Number.POSITIVE_INFINITY
/** In a tuple. */
const ID = 3
/** How far lists are looked at to find the shortest. */
const SAMPLE = 200
/** Above every cid and at-uri. */
const LAST = '~'

export async function readPosts(
  reader: PostReader,
  query: PostQuery,
  { from, limit, isOver, mostLookedAt = Math.max(5_000, limit * LOOKED_AT_A_POST) }: ReadOptions,
): Promise<FoundPosts> {
  const isUp = query.since !== undefined
  const place = from ?? query.since ?? (query.untilUs === undefined ? TOP : startOf(query.untilUs))
  const lists = await listsOf(reader, query, place, isUp)
  const firstStep = Math.ceil((limit + 1) / lists.length) + 2
  const merged = new MergedLists(lists, { from: place, isUp, firstStep })
  const size = hasConditions(query) ? BATCH : Math.min(limit + 1, MAX_BATCH)
  const posts: PostTuple[] = []
  let last = place
  for (let looked = 0; ;) {
    const rows = await merged.take(size)
    const batch = isUp ? rows.filter(([indexedAt]) => indexedAt < (query.untilUs ?? END)) : rows
    const kept = await keepMatching(reader, query, batch)
    for (const row of batch) {
      if (kept.has(row[ID])) {
        if (posts.length === limit) {
          return { posts, next: last }
        }
        posts.push(row)
      }
      last = placeOf(row)
    }
    if (rows.length < size || batch.length < rows.length) {
      return { posts, next: undefined }
    }
    looked += rows.length
    if (looked >= mostLookedAt || isOver()) {
      return { posts, next: last }
    }
    await nextTurn()
  }
}

/** Posts of exactly that moment are not older. */
function startOf(untilUs: number): Keyset {
  return { indexedAt: untilUs, cid: '', uri: '' }
}

/** Posts of exactly that moment are not newer. */
export function endOf(sinceUs: number): Keyset {
  return { indexedAt: sinceUs, cid: LAST, uri: LAST }
}

/** The ids of those posts that meet what a query asks for beside its lists. */
export async function keepMatching(
  { readFacts }: Pick<PostReader, 'readFacts'>,
  query: PostQuery,
  rows: readonly PostTuple[],
): Promise<ReadonlySet<number>> {
  const { follows, filter } = query
  const some = follows === undefined ? rows : rows.filter(([, , uri]) => follows.has(authorOf(uri)))
  const ids = some.map((row) => row[ID])
  if (!needsFacts(query)) {
    return new Set(ids)
  }
  const matches = createMatcher(filter)
  const facts = await readFacts(ids)
  return new Set(
    some.flatMap(([, , uri, id]) => {
      const own = facts.get(id)
      return own !== undefined && matches(authorOf(uri), own) ? [id] : []
    }),
  )
}

async function listsOf(
  { lists, oldest }: PostReader,
  { filterId, tags, match }: PostQuery,
  place: Keyset,
  isUp: boolean,
): Promise<ReadList[]> {
  const from = Math.ceil(oldest())
  if (filterId !== undefined) {
    return [lists.ofFilter(filterId, from)]
  }
  const all = tags.map((tag) => lists.ofTag(tag, from))
  return match === 'any' || all.length === 1 ? all : [await shortest(all, place, isUp)]
}

/** The list with the fewest posts, as far as one looks; of long ones the one that reaches farthest. */
async function shortest(all: readonly ReadList[], place: Keyset, isUp: boolean): Promise<ReadList> {
  let best: { read: ReadList; count: number; reach: number } | undefined
  for (const read of all) {
    const rows = await read(place, SAMPLE, isUp)
    const lastUs = rows.at(-1)?.[0] ?? 0
    const reach = Math.abs(lastUs - (rows[0]?.[0] ?? 0))
    const isShorter =
      best === undefined ||
      rows.length < best.count ||
      (rows.length === best.count && reach > best.reach)
    if (isShorter) {
      best = { read, count: rows.length, reach }
    }
  }
  return best?.read ?? (() => Promise.resolve([]))
}
