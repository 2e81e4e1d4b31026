import type { Us } from '../time.ts'
import { US_PER_HOUR, US_PER_SECOND } from '../time.ts'
import type { Position } from './rowOps.ts'

const REWIND_US = 5 * US_PER_SECOND
const OTHER_HOST_REWIND_US = 10 * US_PER_SECOND
const MAX_DISORDER_US = US_PER_HOUR

export interface ResumeOptions {
  readonly position: Position | undefined
  readonly host: string
  /** Where to begin while nothing is committed; undefined for the live tail. */
  readonly startUs: Us | undefined
  readonly nowUs: Us
}

/**
 * The `cursor` to ask a host for, or undefined for the live tail. It lies before the committed
 * position: by some seconds, since clocks of hosts differ, and by as much as the stream has been out
 * of order, since what was late may still be to come. It never lies in the future, which a server
 * would silently take for the live tail.
 */
export function resumeCursor(options: ResumeOptions): number | undefined {
  const { position, host, startUs, nowUs } = options
  if (position === undefined) {
    return startUs === undefined ? undefined : Math.max(1, Math.min(startUs, nowUs))
  }
  const rewindUs = position.host === host ? REWIND_US : OTHER_HOST_REWIND_US
  const disorderUs = Math.min(position.disorderUs, MAX_DISORDER_US)
  return Math.max(1, Math.min(position.timeUs, nowUs) - rewindUs - disorderUs)
}
