import type { Us } from '../../time.ts'
import { isStrangerMark } from '../events/operations.ts'
import type { Engagement, MarkOp } from '../events/operations.ts'
import { isBeforeErasure } from './isBeforeErasure.ts'

/** A like or repost, as far as it is remembered: what it is for, or that it is for nothing of ours. */
export interface MarkState {
  readonly rev: string
  /** A post by its row; or, not looked up yet, by its key. */
  readonly subject: number | Engagement | undefined
  readonly isDeleted: boolean
}

/**
 * The state of a like or repost after one more frame about it: as for posts the highest revision wins,
 * and between equal ones a delete. What an erased account had done before stays gone.
 */
export function foldMark(
  state: MarkState | undefined,
  op: MarkOp,
  { erasedUs, coveredSinceUs }: { readonly erasedUs: Us; readonly coveredSinceUs?: Us | undefined },
): MarkState | undefined {
  if (state === undefined && op.kind === 'putMark' && isStrangerMark(op)) {
    return undefined
  }
  const isGone = op.kind === 'deleteMark' || isBeforeErasure(op.timeUs, erasedUs, coveredSinceUs)
  if (state !== undefined && (isGone ? state.rev > op.rev : state.rev >= op.rev)) {
    return state
  }
  return {
    rev: op.rev,
    subject: isGone ? undefined : op.engagement,
    isDeleted: isGone,
  }
}
