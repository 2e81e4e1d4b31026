import type { PostFacts } from '../../posts/postFacts.ts'
import type { Fate } from '../../posts/storedCodes.ts'
import type { Us } from '../../time.ts'
import type { PostOp } from '../events/operations.ts'
import { isBeforeErasure } from './isBeforeErasure.ts'

/** A post that is kept for as long as its record lives. */
export interface KeptPost {
  readonly kind: 'kept'
  /** Undefined until the row is written. */
  readonly id: number | undefined
  readonly rev: string
  /** Both of the first sight: an update never moves a post. */
  readonly cid: string
  readonly indexedAt: Us
  /** Undefined while an update has left the record without tags, or as a reply. */
  readonly facts: PostFacts | undefined
  /** The record as it is now; left out when it is the one that is stored. */
  readonly current?: CurrentRecord
}

/** What is stored of a kept record beside what feeds need. */
export interface CurrentRecord {
  readonly cid: string
  /** Its own date, when it is readable. */
  readonly createdUs: Us | undefined
  /** Undefined when it is not kept. */
  readonly record: object | undefined
}

/** What is remembered of a record that is not kept. */
export interface RecordTrace {
  readonly kind: 'trace'
  readonly rev: string
  readonly fate: Fate
}

export type RecordState = KeptPost | RecordTrace | undefined

/**
 * The state of a record after one more frame about it. The highest revision wins, whatever the order
 * and number of frames; between equal revisions a delete wins.
 */
export function foldRecord(state: RecordState, op: PostOp): RecordState {
  if (op.kind === 'deletePost') {
    const isOld = state !== undefined && state.rev > op.rev
    return isOld ? state : { kind: 'trace', rev: op.rev, fate: 'deleted' }
  }
  if (state !== undefined && state.rev >= op.rev) {
    return state
  }
  const { rev, cid, indexedAt, facts } = op
  const current = { cid, createdUs: op.createdUs, record: op.record }
  if (state?.kind === 'kept') {
    return { ...state, rev, facts, current }
  }
  if (state?.fate === 'expired') {
    return { ...state, rev }
  }
  return facts === undefined
    ? { kind: 'trace', rev, fate: op.unkept ?? 'unkept' }
    : { kind: 'kept', id: undefined, rev, cid, indexedAt, facts, current }
}

/**
 * What a record operation comes to for an account that was erased: a post that was there before is
 * gone, also when a replay shows it for the first time.
 */
export function afterErasure(op: PostOp, erasedUs: Us, coveredSinceUs?: Us): PostOp {
  return op.kind === 'putPost' &&
    (op.facts !== undefined || (op.engages?.length ?? 0) > 0) &&
    isBeforeErasure(op.timeUs, erasedUs, coveredSinceUs)
    ? { kind: 'deletePost', did: op.did, rkey: op.rkey, rev: op.rev }
    : op
}
