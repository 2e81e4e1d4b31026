import type { CommittedPosition, Gap, Position } from '../../status/position.ts'
import { US_PER_HOUR, US_PER_SECOND } from '../../time.ts'
import type { Clock, Us } from '../../time.ts'
import type { Connection } from './streamFrame.ts'
import { MAX_DISORDER_US } from './streamFront.ts'

/** A stream that begins so much later than the position has lost what is between. */
const GAP_US = 60 * US_PER_SECOND
/** The clocks of two hosts may differ by as much. */
const SKEW_US = 60 * US_PER_SECOND
/** Disorder matters until the stream has come so much farther. */
const REMEMBERED_US = US_PER_HOUR
/** A host of version 2 may begin so much earlier than it was asked to. */
const EARLIER_US = US_PER_HOUR + 5 * GAP_US
/** A live stream, of which nothing was asked for, may begin with a frame that is so far ahead of it. */
const LONE_US = 120 * US_PER_SECOND
/** Each host is asked so often, at most, whether it has what is missing. */
const MAX_ROUNDS = 2

/**
 * Makes the position of what was read. It claims of its host that everything which that host dates
 * before it, less the disorder, has been read; what another host sends changes nothing of that until it
 * has come farther.
 */
export class PositionKeeper {
  readonly #onLateStart: (hostUs: Us) => void
  #committed: CommittedPosition | undefined
  /** The greatest disorder that still matters, and the position when it was last seen. */
  #disorder: { us: Us; atUs: Us }
  #connection: Connection | undefined
  #hasNews = false
  /** An event has been committed since the start, by which it is known where the stream is. */
  #isHeard = false
  #lowestUs = Number.POSITIVE_INFINITY
  #gap: Gap | undefined
  /** Where the hosts begin that lack what comes after the position. */
  readonly #begins = new Map<string, Us>()
  #leavings = 0

  /** `onLateStart`: a host has taken the very first cursor for the future; its clock says what it is. */
  constructor(
    position: CommittedPosition | undefined,
    onLateStart: (hostUs: Us) => void = () => {},
  ) {
    this.#onLateStart = onLateStart
    this.#committed = position
    this.#disorder = { us: position?.disorderUs ?? 0, atUs: position?.timeUs ?? 0 }
  }

  get committed(): CommittedPosition | undefined {
    return this.#committed
  }

  /** A frame whose time may move the position was read from a connection. */
  note(connection: Connection, timeUs: Us, isGood: boolean): void {
    connection.front.note(timeUs, isGood)
    this.#connection = connection
    this.#hasNews = true
    if (timeUs < this.#lowestUs) {
      this.#lowestUs = timeUs
    }
  }

  get isUnsettled(): boolean {
    return this.#connection?.isLeft === false && this.#connection.front.isUnsettled
  }

  /** Nothing more has come for a while. */
  settle(): void {
    if (this.#connection?.isOver === true) {
      this.#connection.front.end()
    } else {
      this.#connection?.front.settle()
    }
    this.#hasNews = true
  }

  /** The position is committed again, as it is. */
  touch(): void {
    this.#hasNews = true
  }

  /** What is to be committed with the rows that were read; undefined when nothing has a time. */
  next(nowUs: Us): { position: Position | undefined; gap: Gap | undefined } {
    const connection = this.#connection
    if (!this.#hasNews || connection === undefined) {
      return { position: this.#hasNews ? this.#committed : undefined, gap: undefined }
    }
    this.#lookForGap(connection, nowUs)
    const before = this.#committed
    const { us, disorderUs, doubtUs } = connection.front
    const isMoved = !connection.isLeft && us > 0 && us >= (before?.timeUs ?? 0)
    const timeUs = isMoved ? us : before?.timeUs
    if (timeUs === undefined) {
      return { position: undefined, gap: undefined }
    }
    const carriedUs = timeUs - this.#disorder.atUs <= REMEMBERED_US ? this.#disorder.us : 0
    if (disorderUs >= carriedUs) {
      this.#disorder = { us: disorderUs, atUs: timeUs }
    }
    const askedUs = connection.cursor ?? timeUs - LONE_US
    const sureUs = Math.max(doubtUs, before === undefined ? askedUs : readUpTo(before))
    const leastUs = timeUs === before?.timeUs ? before.disorderUs : isMoved ? timeUs - sureUs : 0
    const position = {
      timeUs,
      host: isMoved ? connection.host : (before?.host ?? connection.host),
      disorderUs: Math.max(Math.min(MAX_DISORDER_US, Math.max(disorderUs, carriedUs)), leastUs),
    }
    return { position, gap: this.#gap }
  }

  /** What `next` has given is committed. */
  committedAt(position: Position | undefined, committedUs: Us): void {
    if (position !== undefined) {
      const before = this.#committed
      const isMoved = before === undefined || position.timeUs > before.timeUs
      this.#committed = { ...position, committedUs: isMoved ? committedUs : before.committedUs }
      this.#isHeard = this.#connection !== undefined
      this.#gap = undefined
    }
    this.#hasNews = false
  }

  /** A host whose clock is ahead has dated what was read by it: others date it earlier. */
  addDisorder(aheadUs: Us): void {
    const us = Math.min(MAX_DISORDER_US, aheadUs)
    if (us > this.#disorder.us) {
      this.#disorder = { us, atUs: this.#committed?.timeUs ?? 0 }
      if (this.#committed !== undefined) {
        const { disorderUs } = this.#committed
        this.#committed = { ...this.#committed, disorderUs: Math.max(disorderUs, us) }
      }
    }
  }

  /**
   * The moment by which rows are removed: the earlier of our clock and the committed position.
   * Undefined while the stream has not been heard since the start: either may be wrong then.
   */
  horizonUs(clock: Clock): Us | undefined {
    return this.#isHeard && this.#committed !== undefined
      ? Math.min(clock(), this.#committed.timeUs)
      : undefined
  }

  /** The earlier of our clock and what is known of the stream, for what is looked at, not removed. */
  reachedUs(nowUs: Us): Us {
    return Math.min(nowUs, this.#committed?.timeUs ?? this.#lowestUs)
  }

  /** A host that still has the position sends it again, since a cursor lies before it. */
  #lookForGap(connection: Connection, nowUs: Us): void {
    const { firstUs } = connection.front
    const before = this.#committed
    if (connection.isContinuous || connection.isLeft || firstUs === undefined) {
      return
    }
    if (before === undefined && firstUs < (connection.cursor ?? 0) - EARLIER_US) {
      this.#onLateStart(firstUs)
      connection.leave('our clock is ahead of it: asking it for what came before')
      return
    }
    const isOther = before?.host !== connection.host
    const toleratedUs = GAP_US + (isOther ? SKEW_US : 0)
    if (before === undefined || firstUs <= before.timeUs + toleratedUs) {
      connection.isContinuous = true
      this.#begins.clear()
      this.#leavings = 0
      return
    }
    if (this.#leavesForOther(connection, firstUs)) {
      return
    }
    connection.isContinuous = true
    this.#begins.clear()
    this.#leavings = 0
    this.#gap = { fromUs: before.timeUs, toUs: firstUs, seenUs: nowUs }
  }

  /** Looks at the other hosts first, then takes the one that begins the earliest. */
  #leavesForOther(connection: Connection, firstUs: Us): boolean {
    const { hosts, host } = connection
    const isAsked = this.#begins.has(host)
    this.#begins.set(host, firstUs)
    const earliestUs = Math.min(...this.#begins.values())
    const isBest = firstUs <= earliestUs + GAP_US
    const isDone = (isAsked || this.#begins.size >= hosts) && isBest
    if (hosts < 2 || isDone || this.#leavings >= MAX_ROUNDS * hosts) {
      return false
    }
    this.#leavings += 1
    connection.leave('it has forgotten what was sent since the committed position')
    return true
  }
}

/** Up to where all has been read for sure, by the clock of the position's host. */
export function readUpTo({ timeUs, committedUs, disorderUs }: CommittedPosition): Us {
  return Math.min(timeUs, committedUs) - disorderUs
}
