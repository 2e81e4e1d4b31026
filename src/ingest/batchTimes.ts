const FILL_MS = 100
/**
 * Each batch costs a commit, after which every connection reads its pages anew. So of a stream that flows a
 * batch closes soon only for what readers wait for; likes and what changes nothing wait longer.
 */
const FLOWING_FILL_MS = 500
const HURRY_MS = 50
/** A stream of which nothing was stored for so long does not flow. */
const QUIET_MS = 1_000

/** How long a batch stays open after its first frame; `hurryMs` once it has one that changes feeds. */
export interface BatchTimes {
  readonly fillMs: number
  readonly hurryMs: number
}

/**
 * `storedAt`: when the batch before was, by `performance.now()`. The first one closes at once: a start
 * waits for what it tells, how far the stream is behind.
 */
export function timesToFill(storedAt: number | undefined): BatchTimes {
  if (storedAt === undefined) {
    return { fillMs: 0, hurryMs: 0 }
  }
  const isFlowing = performance.now() - storedAt < QUIET_MS
  return { fillMs: isFlowing ? FLOWING_FILL_MS : FILL_MS, hurryMs: HURRY_MS }
}
