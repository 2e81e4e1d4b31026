/** Microseconds since 1970, the unit of every moment in the stream and the store. */
export type Us = number

export const US_PER_MS = 1_000
export const US_PER_SECOND = 1_000_000
export const US_PER_HOUR = 3_600 * US_PER_SECOND
export const US_PER_DAY = 24 * US_PER_HOUR

/** A source of the present moment in microseconds; tests pass their own. */
export type Clock = () => Us

/** Our clock, in microseconds with the resolution of a millisecond. */
export const systemClock: Clock = () => Date.now() * US_PER_MS

/** A moment as ISO 8601 with milliseconds, for people. */
export function formatUs(us: Us): string {
  return new Date(us / US_PER_MS).toISOString()
}

/** The same with microseconds, for programs. */
export function formatExactUs(us: Us): string {
  const ms = Math.floor(us / US_PER_MS)
  const rest = String(us - ms * US_PER_MS).padStart(3, '0')
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`
}
