import type { IngestStatus } from '../ingestStatus.ts'
import type { Logger } from '../logger.ts'
import type { Clock, Us } from '../time.ts'
import { US_PER_MS, formatUs } from '../time.ts'
import type { RejectReason } from './decodeEvent.ts'
import type { StreamFrame } from './eventSource.ts'
import type { Batch, Position } from './rowOps.ts'

/** At most so many rejected frames are shown in the log in a minute. */
const SAMPLES_PER_MINUTE = 5
const MINUTE_MS = 60_000
const SAMPLE_LENGTH = 200

/** Counts what ingest does, and says it as an `IngestStatus`. */
export class IngestCounters {
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #onChange: () => void
  readonly #rejected: Record<string, number> = Object.create(null) as Record<string, number>
  #samples = { left: SAMPLES_PER_MINUTE, since: 0 }
  #futureReportedAt = Number.NEGATIVE_INFINITY
  #opened = 0
  #streamProblem: string | undefined
  #storeProblem: string | undefined
  #status: { -readonly [K in keyof IngestStatus]: IngestStatus[K] } = {
    state: 'starting',
    connected: false,
    host: undefined,
    lastConnectedUs: undefined,
    positionUs: undefined,
    lagMs: undefined,
    eventsTotal: 0,
    rejectedTotal: 0,
    rejectedByReason: {},
    futureTotal: 0,
    reconnectsTotal: 0,
    batchesTotal: 0,
    operationsTotal: 0,
    poisonedTotal: 0,
    buffered: 0,
    lastBatchMs: 0,
    problem: undefined,
  }

  /** `onChange`: told of a connection that begins or ends, and of every batch that is stored. */
  constructor(logger: Logger, clock: Clock, onChange: () => void = () => {}) {
    this.#logger = logger
    this.#clock = clock
    this.#onChange = onChange
  }

  status(buffered: number): IngestStatus {
    const lastConnectedUs = this.#status.connected ? this.#clock() : this.#status.lastConnectedUs
    const problem = this.#storeProblem ?? this.#streamProblem
    const rejectedByReason = { ...this.#rejected }
    return { ...this.#status, lastConnectedUs, buffered, rejectedByReason, problem }
  }

  /** The position found when this process begins to ingest. */
  positionLoaded(position: Position | undefined): void {
    this.#status.state = 'active'
    this.#status.positionUs = position?.timeUs
    this.#storeProblem = undefined
  }

  /** This process does not ingest now. */
  waits(reason: string, state: 'waiting' | 'standby' = 'waiting'): void {
    if (this.#storeProblem !== reason) {
      this.#logger.info({ event: 'ingestWaits', reason }, `ingest waits: ${reason}`)
    }
    this.disconnected(reason)
    this.#status.state = state
    this.#storeProblem = reason
  }

  connected(host: string): void {
    this.#opened += 1
    this.#status.connected = true
    this.#status.host = host
    this.#status.reconnectsTotal = this.#opened - 1
    this.#streamProblem = undefined
    this.#onChange()
  }

  disconnected(problem: string): void {
    if (this.#status.connected) {
      this.#status.lastConnectedUs = this.#clock()
    }
    this.#status.connected = false
    this.#streamProblem = problem
    this.#onChange()
  }

  /** Undefined: it works again. */
  storeFails(problem: string | undefined): void {
    this.#storeProblem = problem
  }

  framesRead(count: number): void {
    this.#status.eventsTotal += count
  }

  /** A frame that was passed over unread. */
  frameTooLarge(): void {
    this.framesRead(1)
    this.#countRejected('tooLarge')
  }

  #countRejected(reason: RejectReason): void {
    this.#status.rejectedTotal += 1
    this.#rejected[reason] = (this.#rejected[reason] ?? 0) + 1
  }

  frameRejected(reason: RejectReason, frame: StreamFrame): void {
    this.#countRejected(reason)
    const nowMs = this.#clock() / US_PER_MS
    if (nowMs - this.#samples.since >= MINUTE_MS) {
      this.#samples = { left: SAMPLES_PER_MINUTE, since: nowMs }
    }
    if (this.#samples.left > 0) {
      this.#samples.left -= 1
      const sample = frame.data.subarray(0, SAMPLE_LENGTH).toString('utf8')
      const { host } = frame.connection
      this.#logger.warn(
        { event: 'frameRejected', reason, host, bytes: frame.data.length, sample },
        `a frame was passed over: ${reason}`,
      )
    }
  }

  futureEvent(timeUs: Us, host: string): void {
    this.#status.futureTotal += 1
    const nowMs = this.#clock() / US_PER_MS
    if (nowMs - this.#futureReportedAt >= MINUTE_MS) {
      this.#futureReportedAt = nowMs
      this.#logger.warn(
        { event: 'futureEvent', host, timeUs, ahead: futureText(timeUs) },
        'an event is more than 60 s ahead of our clock: taken as of now; check the clocks',
      )
    }
  }

  operationPoisoned(): void {
    this.#status.poisonedTotal += 1
  }

  batchStored(batch: Batch, durationMs: number, nowUs: Us): void {
    const { position, lastEventUs } = batch
    this.#status.batchesTotal += 1
    this.#status.operationsTotal += batch.ops.length
    this.#status.lastBatchMs = durationMs
    if (position !== undefined) {
      this.#status.positionUs = Math.max(this.#status.positionUs ?? 0, position.timeUs)
    }
    if (lastEventUs !== undefined) {
      this.#status.lagMs = Math.max(0, Math.round((nowUs - lastEventUs) / US_PER_MS))
    }
    this.#onChange()
  }
}

function futureText(timeUs: Us): string {
  // The last moment that a Date can hold; a time beyond it has no text.
  return timeUs <= 8.64e18 ? formatUs(timeUs) : 'beyond all dates'
}
