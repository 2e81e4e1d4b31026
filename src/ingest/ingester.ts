import { setTimeout as delay } from 'node:timers/promises'
import type { WriteDatabase } from '../db/database.ts'
import { troubleOf } from '../db/databaseErrors.ts'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Gap } from '../status/position.ts'
import { US_PER_SECOND, formatUs } from '../time.ts'
import type { Clock, Us } from '../time.ts'
import { timesToFill } from './batchTimes.ts'
import { ClockWatch } from './clocks/clockWatch.ts'
import type { Chunk } from './clocks/clockWatch.ts'
import { mayChangeFeeds } from './events/feedChange.ts'
import type { Batch } from './events/operations.ts'
import type { Projection } from './events/projectEvent.ts'
import type { IngestCounters } from './ingestCounters.ts'
import type { RecordMemory } from './memory/recordMemory.ts'
import { readBatch } from './readBatch.ts'
import type { ReadOptions } from './readBatch.ts'
import type { BatchTarget } from './store/storeBatch.ts'
import { storeSafely } from './storeSafely.ts'
import type { EventSource } from './stream/eventSource.ts'
import type { FrameBuffer } from './stream/frameBuffer.ts'
import type { PositionKeeper } from './stream/positionKeeper.ts'

/** Work on the connection that writes, done in small steps. */
export interface Chore {
  /** Whether there was a step to do. */
  stepIfDue(nowUs: Us): Promise<boolean>
  /** When the next step is due, in milliseconds; undefined: it can wait for as long as no frame comes. */
  dueInMs?(): number | undefined
}

export interface IngesterOptions {
  readonly source: EventSource
  readonly buffer: FrameBuffer
  /** What the target writes to. */
  readonly database: Pick<WriteDatabase, 'dialect'>
  readonly target: BatchTarget
  readonly projection: Projection
  /** Whose follows are kept; left out: nobody's. */
  readonly viewers?: ReadOptions['viewers']
  readonly memory: Pick<RecordMemory, 'note'>
  /** What is done now and then between batches. */
  readonly chores?: readonly Chore[]
  /** Says how ingest is doing: also while a batch cannot be stored. */
  readonly teller?: Chore
  readonly counters: IngestCounters
  readonly keeper: PositionKeeper
  readonly logger: Logger
  readonly clock: Clock
  /** Frames do not wait for a clock that seems wrong: a recording is all there is. */
  readonly isRecording: boolean
  /** Our clock was set before anything was stored that had come. */
  readonly onClockSet: () => void
  readonly signal: AbortSignal
}

/** A batch closes at so many frames, or when its time is over. */
const MAX_BATCH = 5_000
/** How often the loop looks around when no frame comes. */
const WAIT_MS = 1_000
/** When nothing has come for so long, the last frames are the front of the stream. */
const SETTLE_MS = 250

/**
 * The loop of ingest: frames → one batch → one transaction, one after the other. Ends when the source
 * has ended and all that it has read is stored.
 * @throws when the store fails in a way that does not pass
 */
export async function runIngester(options: IngesterOptions): Promise<void> {
  await new Ingester(options).run()
}

class Ingester {
  readonly #options: IngesterOptions
  readonly #watch: ClockWatch
  readonly #failing = new Set<Chore>()
  /** Frames that were read and are not stored, in their order; all but the first are untouched. */
  #waiting: Chunk[] = []
  /** The last event that is stored without a position. */
  #untoldUs: Us | undefined

  constructor(options: IngesterOptions) {
    const { clock, logger, counters, keeper } = options
    this.#options = options
    this.#watch = new ClockWatch({
      clock,
      logger,
      canWait: !options.isRecording,
      onProblem: (problem) => counters.clockIsWrong(problem),
      onLeaving: (aheadUs) => keeper.addDisorder(aheadUs),
    })
  }

  async run(): Promise<void> {
    const { buffer, keeper, signal } = this.#options
    const ended = new AbortController()
    const failed = new AbortController()
    const source = this.#options.source
      .run({
        // What is committed is known here: nobody else writes it while this process ingests.
        resumeFrom: () => keeper.committed,
        buffer,
        signal: AbortSignal.any([signal, failed.signal]),
      })
      .finally(() => ended.abort())
    // A source that fails while a batch is being stored is not unhandled: it is awaited below.
    source.catch(() => {})
    let storedAt: number | undefined
    try {
      for (;;) {
        const hasCome = await this.#take(storedAt, ended.signal)
        this.#dropLeft()
        if (this.#waiting.length > 0) {
          storedAt = performance.now()
          await this.#storeWaiting()
        } else if (!hasCome && keeper.isUnsettled && !signal.aborted) {
          keeper.settle()
          await this.#store({ ops: [], lastEventUs: undefined })
        }
        if (ended.signal.aborted && !hasCome && (buffer.length === 0 || this.#watch.isHolding)) {
          break
        }
        if (this.#waiting.length === 0 && this.#options.counters.fallsSilent()) {
          // A stream on which nothing comes is not late: what waits for it to catch up need not wait.
          keeper.touch()
          await this.#store({ ops: [], lastEventUs: this.#options.clock() }, false)
        }
        this.#watch.look()
        await this.#doChores()
      }
    } finally {
      failed.abort()
      await source.catch(() => {})
    }
    await source
  }

  /** Whether something has come. */
  async #take(storedAt: number | undefined, signal: AbortSignal): Promise<boolean> {
    const { buffer, projection } = this.#options
    const waits = this.#waiting.reduce((sum, { frames, done }) => sum + frames.length - done, 0)
    if (waits >= MAX_BATCH || buffer.isTooMuch(this.#waitingBytes())) {
      await delay(WAIT_MS, undefined, { signal }).catch(() => {})
      return false
    }
    const frames = await buffer.take({
      max: MAX_BATCH - waits,
      waitMs: this.#waitMs(),
      ...timesToFill(storedAt),
      isUrgent: (frame) => mayChangeFeeds(frame, projection),
      signal,
    })
    if (frames.length > 0) {
      this.#waiting.push({ frames, receivedMs: performance.now(), done: 0 })
    }
    return frames.length > 0
  }

  #waitingBytes(): number {
    return this.#waiting
      .flatMap(({ frames }) => frames)
      .reduce((sum, { from, to }) => sum + to - from, 0)
  }

  /** How long to wait for a frame. */
  #waitMs(): number {
    const { keeper, chores = [] } = this.#options
    const due = chores.map((chore) => chore.dueInMs?.() ?? WAIT_MS)
    return Math.min(keeper.isUnsettled ? SETTLE_MS : WAIT_MS, ...due)
  }

  /** What waits and came over a connection that is gone is read again from the position. */
  #dropLeft(): void {
    if (this.#watch.wasSet()) {
      this.#options.onClockSet()
      this.#waiting
        .flatMap(({ frames }) => frames.at(-1)?.connection ?? [])
        .forEach((connection) =>
          connection.leave('our clock was set: asking again by the right one'),
        )
    }
    if (!this.#watch.isHolding) {
      return
    }
    this.#options.buffer.discard(({ connection }) => connection.isLeft || connection.isOver)
    this.#waiting = this.#waiting.flatMap(({ frames, done, receivedMs }) => {
      const left = frames
        .slice(done)
        .filter(({ connection }) => !connection.isLeft && !connection.isOver)
      return left.length === 0 ? [] : [{ frames: left, receivedMs, done: 0 }]
    })
  }

  async #storeWaiting(): Promise<void> {
    for (;;) {
      const [chunk] = this.#waiting
      if (chunk === undefined) {
        this.#watch.release()
        return
      }
      const from = chunk.done
      const { isHeld, ...read } = readBatch(this.#waiting, chunk, {
        ...this.#options,
        watch: this.#watch,
      })
      if (chunk.done > from) {
        await this.#store(read)
      }
      if (isHeld) {
        return
      }
      if (chunk.done === chunk.frames.length) {
        this.#waiting.shift()
      }
    }
  }

  async #store(read: Pick<Batch, 'ops' | 'lastEventUs'>, isRead = true): Promise<void> {
    const { counters, clock, keeper, database } = this.#options
    const startedMs = performance.now()
    const { position, gap } = keeper.next(clock())
    // The lag goes with the position, which may come a moment after the rows.
    const lastEventUs = read.lastEventUs ?? this.#untoldUs
    this.#untoldUs = position === undefined ? lastEventUs : undefined
    const batch = { ...read, lastEventUs, position, gap }
    const committedUs = await storeSafely(batch, {
      ...this.#options,
      // Where one lock is on everything, telling would only wait for it once more.
      onWaiting: async () => {
        const isOfUse = database.dialect.hasTableLocks && !this.#options.signal.aborted
        for (const teller of isOfUse ? this.#tellers : []) {
          await this.#doChore(teller, new Set())
        }
      },
    })
    keeper.committedAt(batch.position, committedUs)
    if (isRead) {
      counters.batchStored(batch, performance.now() - startedMs, committedUs)
    }
    if (batch.gap !== undefined) {
      this.#tellGap(batch.gap)
    }
  }

  #tellGap({ fromUs, toUs }: Gap): void {
    const seconds = Math.round((toUs - fromUs) / US_PER_SECOND)
    this.#options.logger.error(
      { event: 'streamGap', from: formatUs(fromUs), to: formatUs(toUs), seconds },
      `no host has the stream between ${formatUs(fromUs)} and ${formatUs(toUs)} any more: posts of that ` +
        'time are missing, and posts that were deleted in it may be shown; keep the service running',
    )
  }

  get #tellers(): Chore[] {
    const { teller } = this.#options
    return teller === undefined ? [] : [teller]
  }

  async #doChores(): Promise<void> {
    for (const chore of [...this.#tellers, ...(this.#options.chores ?? [])]) {
      // Where the database is locked, each would wait for it, and a service that is told to stop has no time.
      if (!this.#options.signal.aborted) {
        await this.#doChore(chore, this.#failing)
      }
    }
  }

  /** A step that the database cannot take now is tried again when it is due; that it fails is told once. */
  async #doChore(chore: Chore, failing: Set<Chore>): Promise<void> {
    const { clock, logger } = this.#options
    try {
      if (await chore.stepIfDue(clock())) {
        failing.delete(chore)
      }
    } catch (error) {
      if (troubleOf(error) !== 'transient') {
        throw error
      }
      if (failing.size === 0) {
        const reason = describeError(error)
        logger.warn({ event: 'choreFails', reason }, `cannot tidy up now: ${reason}; trying again`)
      }
      failing.add(chore)
    }
  }
}
