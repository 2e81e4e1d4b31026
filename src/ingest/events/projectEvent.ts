import { parseCreatedAt } from '../../posts/parseCreatedAt.ts'
import type { Us } from '../../time.ts'
import type { KeptPosts } from '../memory/keptPosts.ts'
import type { KnownRecords } from '../memory/knownRecords.ts'
import { LIKE, POST, REPOST } from './collections.ts'
import type { StreamEvent } from './decodeEvent.ts'
import type { Operation } from './operations.ts'
import { readEngagements, readMark } from './readEngagement.ts'
import { readPost } from './readPostFacts.ts'

/** Which tags make a post one to keep: all of them, or those that the feeds name. */
export type KeepTag = (tag: string) => boolean

/** The times of an event, when its own cannot be trusted because it is far in the future. */
export interface EventTimes {
  /** By which it is dated: its own, or our clock. That of an account is never ahead of our clock. */
  readonly datedUs: Us
  /** By which it is put in order with others: its own, or that of the frame before it. */
  readonly orderUs: Us
}

export interface Projection {
  readonly keepTag: KeepTag
  /** Posts that are kept are added to it: what follows may engage with them. */
  readonly kept: KeptPosts
  /** Records of which something is to be stored are added to it. */
  readonly known: KnownRecords
  /** Whether the records of kept posts are kept with them. */
  readonly keepRecords?: boolean
}

/** What one event changes in the store, or undefined when it changes nothing. */
export function projectEvent(
  event: StreamEvent,
  times: EventTimes,
  projection: Projection,
): Operation | undefined {
  switch (event.kind) {
    case 'put':
      return event.collection === POST
        ? projectPost(event, times, projection)
        : projectMark(event, times, projection)
    case 'delete': {
      const { did, rkey, rev } = event
      const mark = MARKS.get(event.collection)
      if (mark === undefined && event.collection !== POST) {
        return undefined
      }
      const isFirst = projection.known.add(rkey)
      return mark === undefined
        ? { kind: 'deletePost', did, rkey, rev, isFirst }
        : { kind: 'deleteMark', mark, did, rkey, rev, isFirst }
    }
    case 'account': {
      const { did, active, status } = event
      const { datedUs: toldUs, orderUs: timeUs } = times
      const isAhead = toldUs < event.timeUs
      const time = parseCreatedAt(event.time) ?? event.timeUs
      return { kind: 'setAccount', did, active, status, timeUs, toldUs, isAhead, time }
    }
    case 'identity':
    case 'unknown':
      return undefined
  }
}

type PutEvent = Extract<StreamEvent, { kind: 'put' }>

const MARKS: ReadonlyMap<string, 'like' | 'repost'> = new Map([
  [LIKE, 'like'],
  [REPOST, 'repost'],
])

function projectPost(
  { did, rkey, rev, cid, record }: PutEvent,
  { datedUs, orderUs }: EventTimes,
  { keepTag, kept, known, keepRecords = false }: Projection,
): Operation {
  const read = readPost(record)
  const engages = readEngagements(record, did, kept)
  const isFirst = known.add(rkey)
  const op = { kind: 'putPost', did, rkey, rev, cid, timeUs: orderUs, engages, isFirst } as const
  if (typeof read === 'string' || !read.tags.some(keepTag)) {
    const unkept = typeof read === 'string' ? read : 'unnamed'
    return { ...op, indexedAt: datedUs, facts: undefined, unkept }
  }
  kept.add(rkey)
  const createdUs = parseCreatedAt(record['createdAt'])
  const indexedAt = Math.min(createdUs ?? datedUs, datedUs)
  return { ...op, indexedAt, facts: read, createdUs, ...(keepRecords && { record }) }
}

/** Nearly all marks are for posts that are not ours: those cost a look into two sets of hashes. */
function projectMark(
  { did, rkey, rev, record, collection, isUpdate }: PutEvent,
  { orderUs }: EventTimes,
  { kept, known }: Projection,
): Operation | undefined {
  const mark = MARKS.get(collection)
  if (mark === undefined) {
    return undefined
  }
  const engagement = readMark(mark, record, did, kept)
  const op = { kind: 'putMark', mark, did, rkey, rev, timeUs: orderUs, engagement } as const
  if (engagement !== undefined || isUpdate) {
    return { ...op, isFirst: known.add(rkey), isForgettable: false }
  }
  // A second create may take away what the mark was for.
  return known.mayHave(rkey) ? { ...op, isFirst: false, isForgettable: true } : undefined
}
