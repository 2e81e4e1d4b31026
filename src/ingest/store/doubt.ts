import type { Us } from '../../time.ts'
import { US_PER_SECOND } from '../../time.ts'

/** An account that is hidden as deactivated, and has written since. */
export interface Doubt {
  readonly did: string
  /** When it was told to be deactivated, and when it has written, by the clock of frames. */
  readonly toldUs: Us
  readonly seenUs: Us
}

/** Commits that were under way when the account was deactivated are no doubt. */
export const DOUBT_AFTER_US = 60 * US_PER_SECOND
