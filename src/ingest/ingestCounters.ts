import type { Logger } from '../logger.ts'
import type { IngestStatus } from '../status/ingestStatus.ts'
import type { StoredPosition } from '../status/loadPosition.ts'
import type { Gap } from '../status/position.ts'
import { US_PER_DAY, US_PER_MS, US_PER_SECOND, formatUs } from '../time.ts'
import type { Clock, Us } from '../time.ts'
import type { Batch } from './events/operations.ts'
import type { RejectReason } from './events/rejectReason.ts'
import type { StreamFrame } from './stream/streamFrame.ts'

/** At most so many rejected frames are shown in the log in a minute. */
const SAMPLES_PER_MINUTE = 5
const MINUTE_MS = 60_000
const SAMPLE_LENGTH = 200

const SILENT_MS = 5_000
/** A gap is told of for so long. */
/** More than the network has in a second. */
const MAX_IDENTITIES = 50
const GAP_TOLD_US = 7 * US_PER_DAY

export interface CounterOptions {
  readonly onChange?: () => void
  readonly silentMs?: number
}

/** Counts what ingest does, and says it as an `IngestStatus`. */
export class IngestCounters {
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #onChange: () => void
  readonly #rejected: Record<string, number> = Object.create(null) as Record<string, number>
  #samples = { left: SAMPLES_PER_MINUTE, since: Number.NEGATIVE_INFINITY }
  #futureReportedAt = Number.NEGATIVE_INFINITY
  #opened = 0
  #streamProblem: string | undefined
  #storeProblem: string | undefined
  /** When what cannot be stored was to be, by `performance.now`. */
  #waitingSinceMs: number | undefined
  /** When a frame was read last, or the stream connected. */
  #heardMs = Number.NEGATIVE_INFINITY
  /** That of the last event of the process before, which counts when nothing new comes. */
  #formerLagMs: number | undefined
  readonly #silentMs: number
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
    gapsTotal: 0,
    gapSecondsTotal: 0,
  }

  /**
   * `onChange`: told of a connection that begins or ends, and of every batch that is stored.
   * `silentMs`: a connection over which nothing comes for so long has sent all that there is.
   */
  constructor(
    logger: Logger,
    clock: Clock,
    { onChange = () => {}, silentMs = SILENT_MS }: CounterOptions = {},
  ) {
    this.#logger = logger
    this.#clock = clock
    this.#onChange = onChange
    this.#silentMs = silentMs
  }

  /** Where the last gap of the stream ends; 0 = there was none. */
  get gapEndUs(): Us {
    return this.#status.gap?.toUs ?? 0
  }

  identityChanged(did: string): void {
    const { total, latest } = this.#status.identities ?? { total: 0, latest: [] }
    this.#status.identities = { total: total + 1, latest: [...latest, did].slice(-MAX_IDENTITIES) }
  }

  status(buffered: number): IngestStatus {
    const lastConnectedUs = this.#status.connected ? this.#clock() : this.#status.lastConnectedUs
    const problem = this.#storeProblem ?? this.#streamProblem
    const rejectedByReason = { ...this.#rejected }
    const { gap, ...status } = this.#status
    const isGapTold = gap !== undefined && this.#clock() - gap.seenUs < GAP_TOLD_US
    return {
      ...status,
      ...(isGapTold && { gap }),
      ...(this.#waitingSinceMs !== undefined && {
        waitingSinceUs: Math.floor(
          this.#clock() - (performance.now() - this.#waitingSinceMs) * US_PER_MS,
        ),
      }),
      lastConnectedUs,
      buffered,
      rejectedByReason,
      problem,
    }
  }

  /** What is found when this process begins to ingest. */
  positionLoaded(position: StoredPosition | undefined, gap: Gap | undefined): void {
    this.#status.state = 'active'
    this.#status.positionUs = position?.timeUs
    this.#formerLagMs = position === undefined ? undefined : Math.max(0, position.lagMs)
    if (gap !== undefined) {
      this.#status.gap = gap
    }
    this.#storeProblem = undefined
    this.#waitingSinceMs = undefined
    delete this.#status.clockProblem
  }

  /** This process does not ingest now. */
  waits(reason: string, state: 'waiting' | 'standby' = 'waiting'): void {
    if (this.#storeProblem !== reason) {
      this.#logger.info({ event: 'ingestWaits', reason }, `ingest waits: ${reason}`)
    }
    this.disconnected(reason)
    this.#status.state = state
    this.#storeProblem = reason
    this.#waitingSinceMs = undefined
  }

  connected(host: string): void {
    this.#opened += 1
    this.#heardMs = performance.now()
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

  /** Undefined: it works again. `sinceMs`: when what waits was to be stored, by `performance.now`. */
  storeFails(problem: string | undefined, sinceMs?: number): void {
    this.#storeProblem = problem
    this.#waitingSinceMs = problem === undefined ? undefined : sinceMs
  }

  /** Undefined: our clock is right again. */
  clockIsWrong(problem: string | undefined): void {
    const { clockProblem: _, ...status } = this.#status
    this.#status = problem === undefined ? status : { ...status, clockProblem: problem }
    this.#onChange()
  }

  framesRead(count: number): void {
    this.#status.eventsTotal += count
    this.#heardMs = performance.now()
  }

  /** Whether it has just become clear that nothing more comes: the stream has sent all that there is. */
  fallsSilent(): boolean {
    const { connected, isSilent = false, lagMs, clockProblem } = this.#status
    const isQuiet = performance.now() - this.#heardMs >= this.#silentMs
    if (!connected || isSilent || !isQuiet || clockProblem !== undefined) {
      return false
    }
    const knownMs = lagMs ?? this.#formerLagMs
    if (knownMs === undefined) {
      return false
    }
    this.#status.isSilent = true
    this.#status.lagMs = knownMs
    this.#onChange()
    return true
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
    const nowMs = performance.now()
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
    const nowMs = performance.now()
    if (nowMs - this.#futureReportedAt >= MINUTE_MS) {
      this.#futureReportedAt = nowMs
      this.#logger.warn(
        { event: 'futureEvent', host, timeUs, ahead: futureText(timeUs) },
        'an event is more than 60 s ahead of our clock: taken as of now; check the clocks',
      )
    }
  }

  /** So many posts are stored of accounts that are hidden. */
  postsHeldBack(count: number): void {
    this.#status.heldBackPosts = count
  }

  operationPoisoned(): void {
    this.#status.poisonedTotal += 1
  }

  batchStored(batch: Batch, durationMs: number, nowUs: Us): void {
    const { position, lastEventUs, gap } = batch
    this.#status.batchesTotal += 1
    this.#status.operationsTotal += batch.ops.length
    this.#status.lastBatchMs = durationMs
    if (position !== undefined) {
      this.#status.positionUs = Math.max(this.#status.positionUs ?? 0, position.timeUs)
    }
    if (lastEventUs !== undefined) {
      this.#status.lagMs = Math.max(0, Math.round((nowUs - lastEventUs) / US_PER_MS))
      this.#status.isSilent = false
    }
    if (gap !== undefined) {
      this.#status.gap = gap
      this.#status.gapsTotal = (this.#status.gapsTotal ?? 0) + 1
      this.#status.gapSecondsTotal =
        (this.#status.gapSecondsTotal ?? 0) + (gap.toUs - gap.fromUs) / US_PER_SECOND
    }
    this.#onChange()
  }
}

function futureText(timeUs: Us): string {
  // The last moment that a Date can hold; a time beyond it has no text.
  return timeUs <= 8.64e18 ? formatUs(timeUs) : 'beyond all dates'
}
