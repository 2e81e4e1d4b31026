/**
 * Aborts after a time with a `TimeoutError`. `AbortSignal.timeout` is not enough: joined with another signal
 * it may be collected as garbage before it fires, and the request then waits for ever. A timer holds its
 * signal until the end, and does not hold the process.
 */
export function timeLimit(timeoutMs: number): AbortSignal {
  const controller = new AbortController()
  const late = (): void => controller.abort(new DOMException('no answer in time', 'TimeoutError'))
  setTimeout(late, timeoutMs).unref()
  return controller.signal
}
