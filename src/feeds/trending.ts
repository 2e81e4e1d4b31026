import { whenReady } from '../db/eventually.ts'
import type { Eventually } from '../db/eventually.ts'
import { US_PER_DAY } from '../time.ts'
import type { Clock } from '../time.ts'
import { packRank, parseRank } from './cursor.ts'
import type { CursorScope, RankPlace } from './cursor.ts'
import { throwIfAbandoned } from './feed.ts'
import type { Feed, Page, PageRequest } from './feed.ts'
import type { FeedDefinition } from './feedDefinition.ts'
import { findPinned } from './findPinned.ts'
import type { PageStatements } from './pageStatements.ts'
import type { RankTuple, RankingStatements } from './rankingStatements.ts'
import { readUntilFull } from './readUntilFull.ts'

export interface TrendingFeedOptions {
  readonly definition: FeedDefinition
  /** `RankingDefinition.key` */
  readonly key: string
  readonly statements: RankingStatements & PageStatements
  readonly retentionDays: number
  readonly clock: Clock
  /** Told of every generation into which a reader is given a cursor. */
  readonly onServed: (generation: number) => void
}

/**
 * The current generation of a ranking, page by page. A cursor names its generation, so that a reader
 * who scrolls is not disturbed by the next one; when the generation is gone, the current one goes on
 * below the rank that was reached.
 */
export function createTrendingFeed(options: TrendingFeedOptions): Feed {
  const { definition, key, statements, retentionDays, clock, onServed } = options
  const { rkey, order, pinned } = definition
  const scope: CursorScope = { rkey, order }

  // One more than there is room for tells whether there is a next page; the pinned post may be among
  // them and is left out.
  const placeOf = (rank: number, room: number) => ({
    rank,
    oldest: Math.ceil(clock() - retentionDays * US_PER_DAY),
    limit: room + (pinned === undefined ? 1 : 2),
  })

  const readCurrent = (rank: number, room: number): Eventually<RankTuple[]> =>
    statements.current.tuples({ key, ...placeOf(rank, room) })

  /** For a viewer who asked for less: goes on in the generation of the rows until the page is full. */
  function fill(
    rows: readonly RankTuple[],
    room: number,
    request: PageRequest,
  ): Eventually<RankTuple[]> {
    const isHidden = request.viewer?.isHidden
    const [first] = rows
    if (isHidden === undefined || first === undefined) {
      return [...rows]
    }
    const [generation] = first
    return readUntilFull<RankTuple>({
      read: (after, limit) =>
        statements.numbered.tuples({
          ...placeOf(after?.[1] ?? first[1] - 1, room),
          generation,
          limit,
        }),
      isKept: ([, , , uri]) => uri !== pinned && !isHidden(uri),
      wanted: room + 1,
      reader: request.reader,
    })
  }

  function readBelow(
    { generation, rank }: RankPlace,
    room: number,
    reader: PageRequest['reader'],
  ): Eventually<RankTuple[]> {
    const rows = statements.numbered.tuples({ generation, ...placeOf(rank, room) })
    return whenReady(rows, (all) => {
      if (all.length > 0) {
        return all
      }
      throwIfAbandoned(reader)
      return whenReady(statements.generationExists.all({ generation }), ({ length }) => {
        throwIfAbandoned(reader)
        return length > 0 ? all : readCurrent(rank, room)
      })
    })
  }

  function toPage(all: readonly RankTuple[], room: number, pin?: string): Page {
    const others = pinned === undefined ? all : all.filter(([, , , uri]) => uri !== pinned)
    const posts: string[] = pin === undefined ? [] : [pin]
    const times: (number | undefined)[] = pin === undefined ? [] : [undefined]
    const count = Math.min(others.length, room)
    for (let index = 0; index < count; index += 1) {
      const [, , indexedAt, uri] = others[index] as RankTuple
      posts.push(uri)
      times.push(indexedAt)
    }
    const [next] = others
    let cursor: string | undefined
    if (others.length > room && next !== undefined) {
      // Without room for any row but the pinned one, the next page starts at the top.
      const [generation, rank] = others[count - 1] ?? [next[0], 0]
      cursor = packRank(scope, { generation, rank })
      onServed(generation)
    }
    return { posts, times, hasPin: pin !== undefined, cursor }
  }

  return {
    definition,
    page: (request) => {
      const { limit, cursor, reader, viewer } = request
      if (cursor !== undefined) {
        const rows = readBelow(parseRank(scope, cursor), limit, reader)
        return whenReady(rows, (some) =>
          whenReady(fill(some, limit, request), (all) => toPage(all, limit)),
        )
      }
      // A page of one post is how the app asks whether there is something new.
      const isLeftOut = pinned === undefined || limit === 1 || viewer?.isHidden?.(pinned) === true
      return whenReady(isLeftOut ? undefined : findPinned(pinned, statements), (pin) => {
        throwIfAbandoned(reader)
        const room = pin === undefined ? limit : limit - 1
        return whenReady(readCurrent(0, room), (some) =>
          whenReady(fill(some, room, request), (all) => toPage(all, room, pin)),
        )
      })
    },
  }
}
