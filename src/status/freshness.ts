import { US_PER_MS } from '../time.ts'

/** What has not been heard of for so long is late: readiness says no (contract, section 5). */
export const FRESHNESS_MS = 60_000
export const FRESHNESS_US = FRESHNESS_MS * US_PER_MS
