import type { CommittedPosition } from '../../status/position.ts'
import { US_PER_HOUR, US_PER_SECOND } from '../../time.ts'
import type { Us } from '../../time.ts'

const REWIND_US = 5 * US_PER_SECOND
/** One clock may be a minute fast, the other a minute slow. */
const OTHER_HOST_REWIND_US = 130 * US_PER_SECOND
/** Our clock was set back since the commit by more than this: nobody knows when the commit was. */
const SET_BACK_US = 60 * US_PER_SECOND

export interface ResumeOptions {
  readonly position: CommittedPosition | undefined
  readonly host: string
  /** Where to begin while nothing is committed; undefined for the live tail. */
  readonly startUs: Us | undefined
  readonly nowUs: Us
}

/**
 * The `cursor` to ask a host for, or undefined for the live tail. It lies before the committed
 * position, and before our clock at that commit: what was sent since then cannot have been read. It
 * lies some seconds earlier, since clocks of hosts differ, and by as much as the stream has been out of
 * order, since what was late may still be to come. It never lies in the future, which a server would
 * silently take for the live tail.
 */
export function resumeCursor(options: ResumeOptions): number | undefined {
  const { position, host, startUs, nowUs } = options
  if (position === undefined) {
    return startUs === undefined ? undefined : Math.max(1, Math.floor(Math.min(startUs, nowUs)))
  }
  const rewindUs = position.host === host ? REWIND_US : OTHER_HOST_REWIND_US
  const readUs = Math.min(position.timeUs, position.committedUs)
  const sinceUs = readUs > nowUs + SET_BACK_US ? nowUs - US_PER_HOUR : Math.min(readUs, nowUs)
  return Math.max(1, Math.floor(sinceUs - rewindUs - position.disorderUs))
}
