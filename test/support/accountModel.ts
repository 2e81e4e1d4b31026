import type { SetAccount } from '../../src/ingest/events/operations.ts'

/** A frame of an account, and when it came by our clock. */
export interface ModelFrame {
  readonly active: boolean
  readonly status: string | undefined
  readonly timeUs: number
  /** `account.time`. */
  readonly time: number
  readonly nowUs: number
}

/**
 * The rule of the contract (section 4, Accounts), written down a second time and as plainly as can be:
 * which of an account's frames count, in the order in which they came.
 */
export function framesThatCount(frames: readonly ModelFrame[]): ModelFrame[] {
  const counted: ModelFrame[] = []
  let latestTimeUs = -1
  let latestTime = -1
  for (const frame of frames) {
    const isAhead = frame.timeUs > frame.nowUs
    // As of now, which is after all that has been.
    const timeUs = isAhead ? Math.max(frame.nowUs, latestTimeUs + 1) : frame.timeUs
    const time = Math.min(frame.time, timeUs)
    const isToldAgain = counted
      .slice(-8)
      .some(
        (one) =>
          one.time === frame.time && one.active === frame.active && one.status === frame.status,
      )
    if (isToldAgain) {
      // It has been seen, whenever its account says that it was.
      latestTime = Math.max(latestTime, time)
    } else if (timeUs > latestTimeUs || time > latestTime) {
      counted.push(frame)
      latestTimeUs = Math.max(latestTimeUs, timeUs)
      latestTime = Math.max(latestTime, time)
    }
  }
  return counted
}

/** Whether an account is active, after what was told of it. */
export function isActiveByModel(ops: readonly SetAccount[]): boolean {
  const frames = ops.map((op) => ({
    ...op,
    timeUs: op.toldUs,
    nowUs: op.isAhead === true ? op.toldUs - 1 : Infinity,
  }))
  return framesThatCount(frames).at(-1)?.active ?? true
}
