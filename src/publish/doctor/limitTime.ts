/** A signal that aborts at the end of the time, or when the given one does; dispose it when it is not needed. */
export interface TimeLimit extends Disposable {
  readonly signal: AbortSignal
}

/**
 * A timer holds the signal: one of `AbortSignal.timeout`, joined with another, can be lost to the garbage
 * collector before its time, and then a silent server is waited for in vain.
 */
export function limitTime(signal: AbortSignal, timeoutMs: number): TimeLimit {
  const ended = new AbortController()
  const stop = (): void => ended.abort(signal.reason)
  const timer = setTimeout(() => {
    ended.abort(new DOMException('the time is over', 'TimeoutError'))
  }, timeoutMs)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) {
    stop()
  }
  return {
    signal: ended.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    },
  }
}
