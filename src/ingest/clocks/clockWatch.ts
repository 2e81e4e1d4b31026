import type { Logger } from '../../logger.ts'
import { US_PER_SECOND } from '../../time.ts'
import type { Clock, Us } from '../../time.ts'
import { decodeEvent } from '../events/decodeEvent.ts'
import type { Connection, StreamFrame } from '../stream/streamFrame.ts'
import { ClockJudge } from './clockJudge.ts'
import type { HeardEvent } from './clockJudge.ts'

/** Frames that came together. */
export interface Chunk {
  readonly frames: readonly StreamFrame[]
  /** By a clock that nobody sets. */
  readonly receivedMs: number
  /** How many of them have been handed on. */
  done: number
}

/** So many of the last frames are looked into for events. */
const LOOKED_INTO = 40
/** A host that was left for its clock is not asked again sooner. */
const ASKED_AGAIN_MS = 60_000
/** A clock that has gone so much faster or slower than time was set. */
const SET_US = 10 * US_PER_SECOND
/** The clock is right again when nothing has had to wait for so long. */
const RIGHT_AFTER_MS = 5_000

export interface ClockWatchOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Whether frames can wait at all. */
  readonly canWait: boolean
  /** Undefined: the clock is right again. */
  readonly onProblem: (problem: string | undefined) => void
  /** A host is left because it is so far ahead. */
  readonly onLeaving: (aheadUs: Us) => void
}

/**
 * Decides whether frames that are far ahead of our clock wait. While it seems wrong, the other hosts are
 * looked at now and then: where one agrees with our clock, it is the clock of a host that is wrong.
 */
export class ClockWatch {
  readonly judge: ClockJudge
  readonly #options: ClockWatchOptions
  readonly #askedMs = new Map<string, number>()
  #problem: string | undefined
  #heldMs = Number.NEGATIVE_INFINITY
  #hasBeenOnTime = false
  /** Whether frames wait. */
  isHolding = false
  /** Our clock, less time that nobody sets, when the stream was asked for what waits. */
  #offsetUs: Us

  constructor(options: ClockWatchOptions) {
    this.#options = options
    this.judge = new ClockJudge(options.clock)
    this.#offsetUs = this.judge.clockAt(0)
  }

  /** Whether our clock was set while frames wait: where they begin was asked for by a wrong one. */
  wasSet(): boolean {
    const wasUs = this.#offsetUs
    this.#offsetUs = this.judge.clockAt(0)
    return this.isHolding && Math.abs(this.#offsetUs - wasUs) >= SET_US
  }

  /** Whether the first of some chunks, which has come to a frame that is far ahead, has to wait there. */
  holds(waiting: readonly Chunk[], connection: Connection): boolean {
    if (!this.#options.canWait) {
      return false
    }
    const events = eventsOf(waiting)
    const verdict = this.judge.judge(events)
    this.isHolding = verdict !== 'right'
    if (!this.isHolding) {
      return false
    }
    this.#heldMs = performance.now()
    this.#hasBeenOnTime = false
    if (verdict === 'wrong') {
      this.#tellWrong(this.judge.aheadUs(events))
      this.#lookAtOthers(connection, this.judge.aheadUs(events))
    }
    return true
  }

  /** All that was there has been handed on. */
  release(): void {
    this.isHolding = false
  }

  /** A new event was on time. */
  onTime(): void {
    this.judge.noteOnTime()
    this.#hasBeenOnTime = true
  }

  /** Looked at now and then. */
  look(): void {
    const isOver = this.#hasBeenOnTime && performance.now() - this.#heldMs >= RIGHT_AFTER_MS
    if (this.#problem !== undefined && isOver) {
      this.#problem = undefined
      this.#options.onProblem(undefined)
      this.#options.logger.info(
        { event: 'clockRight' },
        'our clock agrees with the stream again: what is read is stored',
      )
    }
  }

  #tellWrong(aheadUs: Us): void {
    if (this.#problem !== undefined) {
      return
    }
    const seconds = Math.round(aheadUs / US_PER_SECOND)
    this.#problem = `our clock is wrong: nearly all events are ${seconds} s ahead of it; nothing is stored until it is right`
    this.#options.onProblem(this.#problem)
    this.#options.logger.error(
      { event: 'clockWrong', aheadSeconds: seconds },
      `nearly all events are ${seconds} s ahead of our clock: nothing is stored until it is right; set it ` +
        '(timedatectl set-ntp true), or leave the host out if it is the only one whose clock is wrong',
    )
  }

  #lookAtOthers(connection: Connection, aheadUs: Us): void {
    const askedMs = this.#askedMs.get(connection.host) ?? Number.NEGATIVE_INFINITY
    if (connection.hosts > 1 && performance.now() - askedMs >= ASKED_AGAIN_MS) {
      this.#askedMs.set(connection.host, performance.now())
      this.#options.onLeaving(aheadUs)
      connection.leave('it is far ahead of our clock: looking whether others are')
    }
  }
}

/** The last good events that wait. */
function eventsOf(waiting: readonly Chunk[]): HeardEvent[] {
  const last = waiting
    .flatMap(({ frames, receivedMs, done }) =>
      frames
        .slice(Math.max(done, frames.length - LOOKED_INTO))
        .map((frame) => ({ frame, receivedMs })),
    )
    .slice(-LOOKED_INTO)
  return last.flatMap(({ frame, receivedMs }) => {
    const decoded = decodeEvent(frame)
    return decoded.ok ? [{ timeUs: decoded.event.timeUs, receivedMs }] : []
  })
}
