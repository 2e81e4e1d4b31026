import { whenReady } from '../db/eventually.ts'
import type { Eventually } from '../db/eventually.ts'
import { RequestError } from '../errors.ts'
import { US_PER_DAY } from '../time.ts'
import { TOP, parseCursor } from './cursor.ts'
import type { CursorScope, Keyset } from './cursor.ts'
import type { Feed, Page, PageRequest } from './feed.ts'
import { findPinned } from './findPinned.ts'
import { readFollowed } from './readFollowed.ts'
import { toPage } from './recent.ts'
import type { RecentFeedOptions } from './recent.ts'

/** The posts of a filter by those whom the viewer follows, newest first. */
export function createFollowingFeed(options: RecentFeedOptions): Feed {
  const { definition, filterId, statements, retentionDays, clock } = options
  const { rkey, order, pinned } = definition
  const scope: CursorScope = { rkey, order }

  async function readPage(place: Keyset, request: PageRequest, pin?: string): Promise<Page> {
    const { limit, viewer, reader } = request
    if (viewer?.follows === undefined) {
      throw new RequestError(
        'AuthMissing',
        'This feed is made for each reader: log in to see it',
        401,
      )
    }
    const room = pin === undefined ? limit : limit - 1
    const { follows, isHidden } = viewer
    const nowUs = clock()
    const rows = await readFollowed({
      ...{ statements, filterId: filterId(), place, nowUs, follows, reader },
      oldest: Math.ceil(nowUs - retentionDays * US_PER_DAY),
      isKept: (uri) => uri !== pinned && isHidden?.(uri) !== true,
      // One more than there is room for tells whether there is a next page.
      wanted: room + 1,
    })
    return toPage(scope, place, rows, room, pin)
  }

  function readFirstPage(request: PageRequest): Eventually<Page> {
    const { limit, viewer } = request
    const isLeftOut = pinned === undefined || limit === 1 || viewer?.isHidden?.(pinned) === true
    return whenReady(isLeftOut ? undefined : findPinned(pinned, statements), (pin) =>
      readPage(TOP, request, pin),
    )
  }

  return {
    definition,
    page: (request) =>
      request.cursor === undefined
        ? readFirstPage(request)
        : readPage(parseCursor(scope, request.cursor), request),
  }
}
