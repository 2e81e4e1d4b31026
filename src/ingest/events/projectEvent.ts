import { isValidDid } from '@atproto/syntax'
import type { Us } from '../../time.ts'
import type { KeptPosts } from '../memory/keptPosts.ts'
import type { KnownRecords } from '../memory/knownRecords.ts'
import { FOLLOW, LIKE, POST, REPOST } from './collections.ts'
import type { StreamEvent } from './decodeEvent.ts'
import type { Operation, SetFollow } from './operations.ts'
import { parseCreatedAt } from './parseCreatedAt.ts'
import { readEngagements, readMark } from './readEngagement.ts'
import { readPostFacts } from './readPostFacts.ts'

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
  /** Whether follows are read at all. */
  readonly hasFollows?: boolean
}

/** What one event changes in the store, or undefined when it changes nothing. */
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
  { keepTag, kept, known }: Projection,
): Operation {
  const read = readPostFacts(record)
  const facts = read?.tags.some(keepTag) === true ? read : undefined
  const engages = readEngagements(record, did, kept)
  const isFirst = known.add(rkey)
  let indexedAt = datedUs
  if (facts !== undefined) {
    kept.add(rkey)
    indexedAt = Math.min(parseCreatedAt(record['createdAt']) ?? datedUs, datedUs)
  }
  const timeUs = orderUs
  return { kind: 'putPost', did, rkey, rev, cid, timeUs, indexedAt, facts, engages, isFirst }
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
