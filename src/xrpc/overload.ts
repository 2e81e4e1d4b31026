import { monitorEventLoopDelay } from 'node:perf_hooks'
import { RequestError } from '../errors.ts'

/** What a caller that is turned away is told to wait. */
export const RETRY_AFTER_SECONDS = 2

/** Turns requests away while this process cannot keep up, so that it can catch up. */
export interface Overload extends Disposable {
  /** @throws RequestError 429 RateLimitExceeded */
  check(): void
}

/** The AppView gives up on a feed after five seconds: a queue longer than this helps nobody. */
const MAX_DELAY_MS = 1_000
const SAMPLE_MS = 500

/** Judges by how long the event loop has kept its timers waiting lately. */
export function watchOverload(): Overload {
  const delays = monitorEventLoopDelay({ resolution: 20 })
  let isOverloaded = false
  delays.enable()
  const timer = setInterval(() => {
    isOverloaded = delays.percentile(50) / 1e6 > MAX_DELAY_MS
    delays.reset()
  }, SAMPLE_MS)
  timer.unref()
  return {
    check: () => {
      if (isOverloaded) {
        throw tooBusy()
      }
    },
    [Symbol.dispose]: () => {
      clearInterval(timer)
      delays.disable()
    },
  }
}

export function tooBusy(): RequestError {
  return new RequestError('RateLimitExceeded', 'This feed is very busy: try again in a moment', 429)
}
