import { whenReady } from '../db/eventually.ts'
import type { Eventually } from '../db/eventually.ts'
import { US_PER_DAY } from '../time.ts'
import type { Clock } from '../time.ts'
import { TOP, packCursor, parseCursor } from './cursor.ts'
import type { CursorScope, Keyset } from './cursor.ts'
import { throwIfAbandoned } from './feed.ts'
import type { Feed, Page, PageRequest } from './feed.ts'
import type { FeedDefinition } from './feedDefinition.ts'
import { findPinned } from './findPinned.ts'
import type { PageStatements, PageTuple } from './pageStatements.ts'
import { readUntilFull } from './readUntilFull.ts'

export interface RecentFeedOptions {
  readonly definition: FeedDefinition
  /** Asked for at each page. */
  readonly filterId: () => number
  readonly statements: PageStatements
  readonly retentionDays: number
  readonly clock: Clock
}

/** Newest first: `indexed_at`, then `cid`, then `uri`, all descending. */
export function createRecentFeed(options: RecentFeedOptions): Feed {
  const { definition, filterId, statements, retentionDays, clock } = options
  const { rkey, order, pinned } = definition
  const scope: CursorScope = { rkey, order }
  const retentionUs = retentionDays * US_PER_DAY

  function readRows({ indexedAt, cid, uri }: Keyset, limit: number): Eventually<PageTuple[]> {
    const oldest = Math.ceil(clock() - retentionUs)
    return statements.recent.tuples({ filterId: filterId(), indexedAt, cid, uri, oldest, limit })
  }

  /** One row more than there is room for tells whether there is a next page. */
  function readPage(place: Keyset, request: PageRequest, pin?: string): Eventually<Page> {
    const { limit, viewer, reader } = request
    const room = pin === undefined ? limit : limit - 1
    const isHidden = viewer?.isHidden
    if (isHidden !== undefined) {
      const rows = readUntilFull<PageTuple>({
        read: (after, some) => readRows(after === undefined ? place : toKeyset(after), some),
        isKept: ([, , uri]) => uri !== pinned && !isHidden(uri),
        wanted: room + 1,
        reader,
      })
      return rows.then((all) => toPage(scope, place, all, room, pin))
    }
    // The pinned post may be among them and is left out.
    return whenReady(readRows(place, room + (pinned === undefined ? 1 : 2)), (all) => {
      const others = pinned === undefined ? all : all.filter(([, , uri]) => uri !== pinned)
      return toPage(scope, place, others, room, pin)
    })
  }

  function readFirstPage(request: PageRequest): Eventually<Page> {
    // A page of one post is how the app asks whether there is something new.
    return pinned === undefined ||
      request.limit === 1 ||
      request.viewer?.isHidden?.(pinned) === true
      ? readPage(TOP, request)
      : whenReady(findPinned(pinned, statements), (pin) => {
          throwIfAbandoned(request.reader)
          return readPage(TOP, request, pin)
        })
  }

  return {
    definition,
    page: (request) =>
      request.cursor === undefined
        ? readFirstPage(request)
        : readPage(parseCursor(scope, request.cursor), request),
  }
}

export function toKeyset([indexedAt, cid, uri]: PageTuple): Keyset {
  return { indexedAt, cid, uri }
}

/** A page of the first rows below a place, with a cursor when there are more than there is room for. */
export function toPage(
  scope: CursorScope,
  place: Keyset,
  rows: readonly PageTuple[],
  room: number,
  pin: string | undefined,
): Page {
  const posts: string[] = pin === undefined ? [] : [pin]
  const times: (number | undefined)[] = pin === undefined ? [] : [undefined]
  const count = Math.min(rows.length, room)
  // Without room for any row but the pinned one, the next page starts where this one did.
  let last = place
  for (let index = 0; index < count; index += 1) {
    const [indexedAt, cid, uri] = rows[index] as PageTuple
    posts.push(uri)
    times.push(indexedAt)
    if (index === count - 1) {
      last = { indexedAt, cid, uri }
    }
  }
  const cursor = rows.length > room ? packCursor(scope, last) : undefined
  return { posts, times, hasPin: pin !== undefined, cursor }
}
