import { isStrangerMark } from '../events/operations.ts'
import type { Operation } from '../events/operations.ts'
import type { KeptPosts } from './keptPosts.ts'
import type { KnownRecords } from './knownRecords.ts'

export interface NotedKeys {
  readonly kept: KeptPosts
  readonly known: KnownRecords
}

/**
 * Adds the keys of what is about to be stored: the frame after it may engage with it, or be about the
 * same record. Returns whether it is certain that nothing is stored of the record, and that nothing was
 * noted of it before.
 */
export function noteOperation(op: Operation, { kept, known }: NotedKeys): boolean {
  if (op.kind === 'setAccount' || op.kind === 'setFollow') {
    return false
  }
  if (op.kind === 'putMark' && isStrangerMark(op)) {
    // Something is stored of it already, or nothing will be.
    return false
  }
  if (op.kind === 'putPost' && op.facts !== undefined) {
    kept.add(op.rkey)
  }
  return known.add(op.rkey)
}
