import { US_PER_MS, US_PER_SECOND } from '../../time.ts'
import type { Clock, Us } from '../../time.ts'

/** An event farther ahead of our clock than this is taken as of now: a wrong clock must not cost data. */
export const MAX_AHEAD_US = 60 * US_PER_SECOND

/** Of so many events, or of those of so long, nearly all have to be ahead for it to be our clock. */
const SAMPLE = 20
const NEARLY_ALL = 0.9
const HALF_MINUTE_MS = 30_000
/** Fewer than this are no witnesses against a clock that others have found right. */
const FEW = 3
/** When nothing else comes, a few that are ahead are taken as they come: they must not be held for ever. */
const ALONE_MS = 5 * 60_000

export interface HeardEvent {
  readonly timeUs: Us
  /** By a clock that nobody sets, as `performance.now`. */
  readonly receivedMs: number
}

/** `undecided`: what is ahead has to wait for more. */
export type Verdict = 'right' | 'wrong' | 'undecided'

/**
 * Judges our clock by the events of the stream. Each is compared with what our clock, as it is set now,
 * would have said when the event came: time alone makes none of them right, setting the clock does.
 */
export class ClockJudge {
  readonly #clock: Clock
  readonly #monotonicMs: () => number
  /** The last events that were handed on. */
  #recent: HeardEvent[] = []
  #hasBeenOnTime = false
  /** Since when there are only a few, all ahead: a connection that ends brings the same ones anew. */
  #fewSinceMs: number | undefined

  constructor(clock: Clock, monotonicMs: () => number = () => performance.now()) {
    this.#clock = clock
    this.#monotonicMs = monotonicMs
  }

  /** What our clock, as it is set now, said when something came. */
  clockAt(receivedMs: number): Us {
    const ageMs = this.#monotonicMs() - receivedMs
    return Math.floor(this.#clock() - ageMs * US_PER_MS)
  }

  isAhead({ timeUs, receivedMs }: HeardEvent): boolean {
    return timeUs > this.clockAt(receivedMs) + MAX_AHEAD_US
  }

  /** Good events were handed on. */
  note(events: readonly HeardEvent[]): void {
    this.#recent = [...this.#recent, ...events].slice(-SAMPLE)
  }

  /** One was on time that no replay repeats: those say nothing of our clock. */
  noteOnTime(): void {
    this.#hasBeenOnTime = true
    this.#fewSinceMs = undefined
  }

  /** The verdict over what has been handed on and what waits. */
  judge(waiting: readonly HeardEvent[]): Verdict {
    const sample = [...this.#recent, ...waiting].slice(-SAMPLE)
    const ahead = sample.filter((event) => this.isAhead(event))
    const fewSinceMs = this.#fewSinceMs
    this.#fewSinceMs = undefined
    if (sample.length >= SAMPLE) {
      return ahead.length >= SAMPLE * NEARLY_ALL ? 'wrong' : 'right'
    }
    const lastOnTime = sample.findLastIndex((event) => !this.isAhead(event))
    const run = sample.slice(lastOnTime + 1)
    const nowMs = this.#monotonicMs()
    const sinceMs = Math.min(run[0]?.receivedMs ?? nowMs, fewSinceMs ?? nowMs)
    const runMs = nowMs - sinceMs
    if (this.#hasBeenOnTime || lastOnTime >= 0) {
      return run.length >= FEW && runMs >= HALF_MINUTE_MS ? 'wrong' : 'right'
    }
    if (run.length === 0 || (run.length < FEW && runMs >= ALONE_MS)) {
      return 'right'
    }
    this.#fewSinceMs = sinceMs
    return runMs >= HALF_MINUTE_MS ? 'wrong' : 'undecided'
  }

  /** How far ahead of our clock the middle one of some events is. */
  aheadUs(events: readonly HeardEvent[]): Us {
    const ahead = events
      .map(({ timeUs, receivedMs }) => timeUs - this.clockAt(receivedMs))
      .sort((a, b) => a - b)
    return ahead[Math.floor(ahead.length / 2)] ?? 0
  }
}
