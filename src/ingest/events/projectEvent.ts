import { isValidDid } from '@atproto/syntax'
import { parseCreatedAt } from '../../posts/parseCreatedAt.ts'
import type { Us } from '../../time.ts'
import { FOLLOW, LIKE, POST, REPOST } from './collections.ts'
import type { StreamEvent } from './decodeEvent.ts'
import { isStrangerMark } from './operations.ts'
import type { Operation, PutMark, SetFollow } from './operations.ts'
import { readEngagements, readMark } from './readEngagement.ts'
import type { MayBeKept } from './readEngagement.ts'
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

/** By what events are judged. */
export interface Projection {
  readonly keepTag: KeepTag
  readonly kept: MayBeKept
  /** Whether something may be stored of the record whose key stands in a text; no is certain. */
  readonly known: { mayHave(text: string, from?: number, to?: number): boolean }
  /** Whether follows are read at all. */
  readonly hasFollows?: boolean
  /** Whether the records of kept posts are kept with them. */
  readonly keepRecords?: boolean
}

/** What one event changes in the store, or undefined when it changes nothing. Pure. */
export function projectEvent(
  event: StreamEvent,
  times: EventTimes,
  projection: Projection,
): Operation | undefined {
  switch (event.kind) {
    case 'put':
      if (event.collection === FOLLOW) {
        return projectFollow(event, event.record['subject'], projection)
      }
      return event.collection === POST
        ? projectPost(event, times, projection)
        : projectMark(event, times, projection)
    case 'delete': {
      const { did, rkey, rev } = event
      if (event.collection === FOLLOW) {
        return projectFollow(event, undefined, projection)
      }
      const mark = MARKS.get(event.collection)
      if (mark === undefined && event.collection !== POST) {
        return undefined
      }
      return mark === undefined
        ? { kind: 'deletePost', did, rkey, rev }
        : { kind: 'deleteMark', mark, did, rkey, rev }
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

function projectFollow(
  { did, rkey, rev }: Pick<SetFollow, 'did' | 'rkey' | 'rev'>,
  subject: unknown,
  { hasFollows }: Projection,
): SetFollow | undefined {
  if (hasFollows !== true) {
    return undefined
  }
  const followed = typeof subject === 'string' && isValidDid(subject) ? subject : undefined
  return { kind: 'setFollow', did, rkey, rev, subject: followed }
}

type PutEvent = Extract<StreamEvent, { kind: 'put' }>

const MARKS: ReadonlyMap<string, 'like' | 'repost'> = new Map([
  [LIKE, 'like'],
  [REPOST, 'repost'],
])

function projectPost(
  { did, rkey, rev, cid, record }: PutEvent,
  { datedUs, orderUs }: EventTimes,
  { keepTag, kept, keepRecords = false }: Projection,
): Operation {
  const read = readPost(record)
  const engages = readEngagements(record, did, kept)
  const op = { kind: 'putPost', did, rkey, rev, cid, timeUs: orderUs, engages } as const
  if (typeof read === 'string' || !read.tags.some(keepTag)) {
    const unkept = typeof read === 'string' ? read : 'unnamed'
    return { ...op, indexedAt: datedUs, facts: undefined, unkept }
  }
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
  const [timeUs, isCreate] = [orderUs, !isUpdate]
  const op: PutMark = { kind: 'putMark', mark, did, rkey, rev, timeUs, engagement, isCreate }
  return isStrangerMark(op) && !known.mayHave(rkey) ? undefined : op
}
