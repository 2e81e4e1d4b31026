import { setImmediate as nextTurn } from 'node:timers/promises'
import { ACTIVITY } from '../posts/storedCodes.ts'
import { tagKey } from '../posts/tagKey.ts'
import type { Us } from '../time.ts'
import { packActivityCursor, parseActivityCursor } from './activityCursor.ts'
import { matchesTags, toEvent } from './activityEvent.ts'
import type { PostEvent, PostEventKind, TagQuery } from './activityEvent.ts'
import type { ActivityStatements, TagList } from './activityStatements.ts'

export interface ActivityQuery extends TagQuery {
  readonly kinds: readonly PostEventKind[]
  readonly limit: number
  readonly cursor: string | undefined
  /** Only events before that moment. */
  readonly untilUs: Us | undefined
}

export interface ActivityPage {
  readonly events: readonly PostEvent[]
  /** Undefined when nothing is left. */
  readonly cursor: string | undefined
}

/** So many are looked at for each one that is asked for. */
const LOOKED_AT = 1_000
/** In one turn of the event loop: some 3 ms. */
const MOST_AT_ONCE = 500
/** How far lists are looked at to find the one in which there is least. */
const SAMPLE = 300

/** What has happened to posts with some tags, newest first. `isOver`: nobody waits for the page any more. */
export async function readActivity(
  statements: ActivityStatements,
  query: ActivityQuery,
  isOver: () => boolean = () => false,
): Promise<ActivityPage> {
  const { limit, kinds } = query
  const scope = scopeOf(query)
  let place =
    query.cursor === undefined
      ? await startOf(statements, query.untilUs)
      : parseActivityCursor(scope, query.cursor)
  const tags = query.match === 'any' ? query.tags : [await rarest(statements, query, place)]
  const lists = listsOf(tags, kinds)
  const events: PostEvent[] = []
  let looked = 0
  let atOnce = limit + 1
  while (!isOver()) {
    const rows = await statements.listsBefore(lists, place, atOnce)
    for (const row of rows) {
      const event = toEvent(row)
      const isWanted = event?.isShown === true && event.kind !== 'account'
      if (isWanted && matchesTags(query, event)) {
        if (events.length === limit) {
          return { events, cursor: packActivityCursor(scope, place) }
        }
        events.push(event)
      }
      place = row.seq
    }
    looked += rows.length
    if (rows.length < atOnce) {
      return { events, cursor: undefined }
    }
    if (looked >= limit * LOOKED_AT) {
      break
    }
    atOnce = Math.min(MOST_AT_ONCE, atOnce * 4)
    await nextTurn()
  }
  return { events, cursor: packActivityCursor(scope, place) }
}

function listsOf(tags: readonly string[], kinds: readonly PostEventKind[]): TagList[] {
  return tags.flatMap((tag) => kinds.map((kind) => ({ tag: tagKey(tag), kind: ACTIVITY[kind] })))
}

/** The parameters of a query as one text, in whatever order they were given. */
function scopeOf({ tags, match, kinds, untilUs }: ActivityQuery): string {
  return JSON.stringify([tags.toSorted(), match, kinds.toSorted(), untilUs ?? null])
}

/** The tag of which there is least, as far as one looks. */
async function rarest(
  statements: ActivityStatements,
  { tags, kinds }: ActivityQuery,
  place: number,
): Promise<string> {
  let best = { tag: tags[0] ?? '', count: Infinity, lowest: Infinity }
  for (const tag of tags.length > 1 ? tags : []) {
    const rows = await statements.listsBefore(listsOf([tag], kinds), place, SAMPLE)
    const found = { tag, count: rows.length, lowest: rows.at(-1)?.seq ?? 0 }
    const isRarer =
      found.count < best.count || (found.count === best.count && found.lowest < best.lowest)
    best = isRarer ? found : best
  }
  return best.tag
}

/** The first number of which the event is not before a moment: times never fall while numbers rise. */
async function startOf(statements: ActivityStatements, untilUs: Us | undefined): Promise<number> {
  if (untilUs === undefined) {
    return Number.MAX_SAFE_INTEGER
  }
  const [log] = await statements.log.all({})
  const [oldest] = await statements.oldest.all({})
  let low = oldest?.seq ?? 0
  let high = (log?.last_seq ?? 0) + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [found] = await statements.timeFrom.all({ seq: middle })
    if (found === undefined || found.at_us >= untilUs) {
      high = middle
    } else {
      low = found.seq + 1
    }
  }
  return high
}
