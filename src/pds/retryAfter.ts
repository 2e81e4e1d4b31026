/**
 * When a server that has had enough wants to be asked again, in milliseconds from `nowMs`: by
 * `Retry-After` (seconds or a date), else by `RateLimit-Reset` (seconds since 1970, as PDSs give it).
 */
export function readRetryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const retryAfter = headers.get('retry-after')?.trim() ?? ''
  if (/^\d{1,9}$/u.test(retryAfter)) {
    return Number(retryAfter) * 1_000
  }
  const dateMs = Date.parse(retryAfter)
  if (Number.isFinite(dateMs)) {
    return Math.max(0, dateMs - nowMs)
  }
  const reset = headers.get('ratelimit-reset')?.trim() ?? ''
  return /^\d{1,12}$/u.test(reset) ? Math.max(0, Number(reset) * 1_000 - nowMs) : undefined
}

/** A wait as people say it: `in 40 s`, `in 5 min`, with the time of day. */
export function describeWait(waitMs: number, nowMs: number): string {
  const seconds = Math.ceil(waitMs / 1_000)
  const long = seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`
  return `in ${long}, at ${new Date(nowMs + waitMs).toISOString().slice(0, 19)}Z`
}
