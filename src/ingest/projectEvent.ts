import type { Us } from '../time.ts'
import type { StreamEvent } from './decodeEvent.ts'
import { parseCreatedAt } from './parseCreatedAt.ts'
import { readPostFacts } from './readPostFacts.ts'
import type { RowOp } from './rowOps.ts'

export const POST = 'app.bsky.feed.post'

/** The collections whose commits change what is stored; the stream is asked for no others. */
export const WANTED_COLLECTIONS: readonly string[] = [POST]

/** Which tags make a post one to keep: all of them, or those that the feeds name. */
export type KeepTag = (tag: string) => boolean

/** The times of an event, when its own cannot be trusted because it is far in the future. */
export interface EventTimes {
  /** By which it is dated: its own, or our clock. */
  readonly datedUs: Us
  /** By which it is put in order with others: its own, or that of the frame before it. */
  readonly orderUs: Us
}

/** What one event changes in the store, or undefined when it changes nothing. */
export function projectEvent(
  event: StreamEvent,
  { datedUs, orderUs }: EventTimes,
  keep: KeepTag,
): RowOp | undefined {
  switch (event.kind) {
    case 'put': {
      if (event.collection !== POST) {
        return undefined
      }
      const { did, rkey, rev, cid, record } = event
      const facts = readPostFacts(record)
      const indexedAt = Math.min(parseCreatedAt(record['createdAt']) ?? datedUs, datedUs)
      const kept = facts?.tags.some(keep) === true ? facts : undefined
      return { kind: 'putPost', did, rkey, rev, cid, timeUs: orderUs, indexedAt, facts: kept }
    }
    case 'delete': {
      const { did, rkey, rev } = event
      return event.collection === POST ? { kind: 'deletePost', did, rkey, rev } : undefined
    }
    case 'account': {
      const { did, active, status } = event
      const time = parseCreatedAt(event.time) ?? datedUs
      const seq = sequenceNumber(event.seq)
      return { kind: 'setAccount', did, active, status, timeUs: orderUs, time, seq }
    }
    case 'identity':
    case 'unknown':
      return undefined
  }
}

function sequenceNumber(seq: unknown): number {
  return typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0 ? seq : 0
}
