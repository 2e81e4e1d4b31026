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

/**
 * What one event changes in the store, or undefined when it changes nothing.
 * `eventUs` is the event's time, already brought back to our clock when it was far in the future.
 */
export function projectEvent(event: StreamEvent, eventUs: Us, keep: KeepTag): RowOp | undefined {
  switch (event.kind) {
    case 'put': {
      if (event.collection !== POST) {
        return undefined
      }
      const { did, rkey, rev, cid, record } = event
      const facts = readPostFacts(record)
      const indexedAt = Math.min(parseCreatedAt(record['createdAt']) ?? eventUs, eventUs)
      const kept = facts?.tags.some(keep) === true ? facts : undefined
      return { kind: 'putPost', did, rkey, rev, cid, indexedAt, facts: kept }
    }
    case 'delete': {
      const { did, rkey, rev } = event
      return event.collection === POST ? { kind: 'deletePost', did, rkey, rev } : undefined
    }
    case 'account': {
      const { did, active, status } = event
      const time = parseCreatedAt(event.time) ?? eventUs
      return { kind: 'setAccount', did, active, status, time, seq: sequenceNumber(event.seq) }
    }
    case 'identity':
    case 'unknown':
      return undefined
  }
}

function sequenceNumber(seq: unknown): number {
  return typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0 ? seq : 0
}
