import { setTimeout as delay } from 'node:timers/promises'
import { troubleOf } from '../db/databaseErrors.ts'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Clock, Us } from '../time.ts'
import { US_PER_SECOND } from '../time.ts'
import { decodeEvent } from './decodeEvent.ts'
import type { Decoded, StreamEvent } from './decodeEvent.ts'
import type { Connection, EventSource, StreamFrame } from './eventSource.ts'
import type { FrameBuffer } from './frameBuffer.ts'
import type { IngestCounters } from './ingestCounters.ts'
import { projectEvent } from './projectEvent.ts'
import type { EventTimes, Projection } from './projectEvent.ts'
import type { Batch, Position, RowOp } from './rowOps.ts'
import { storeBatch } from './storeBatch.ts'
import type { BatchTarget } from './storeBatch.ts'
import { timeOfStrangerMark } from './strangerMark.ts'

/** Work on the connection that writes, done in small steps. */
export interface Chore {
  /** Whether there was a step to do. */
  stepIfDue(nowUs: Us): Promise<boolean>
}

export interface IngesterOptions {
  readonly source: EventSource
  readonly buffer: FrameBuffer
  readonly target: BatchTarget
  readonly projection: Projection
  /** What is done now and then between batches. */
  readonly chores?: readonly Chore[]
  /** Says how ingest is doing: also while a batch cannot be stored. */
  readonly teller?: Chore
  readonly counters: IngestCounters
  /** The committed position at the start. */
  readonly position: Position | undefined
  readonly logger: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** A batch closes at so many frames, or so long after its first one: large in a replay, small live. */
const MAX_BATCH = 5_000
/** Or at so many tags, each of which is a row: a transaction is over in a few tenths of a second. */
const MAX_BATCH_TAGS = 10_000
const FILL_MS = 100
/** The first one closes at once: a start waits for what it tells, how far the stream is behind. */
const FIRST_FILL_MS = 0
/** How often the loop looks around when no frame comes. */
const WAIT_MS = 1_000

/** An event farther ahead of our clock than this is taken as of now: a wrong clock must not cost data. */
const MAX_AHEAD_US = 60 * US_PER_SECOND

/** Deleted accounts remembered for a connection: more than any has told of. */
const MAX_ERASED = 100_000

const RETRY_MIN_MS = 100
/** Shorter than a session may be silent that holds the lock of ingest. */
const RETRY_MAX_MS = 2_000
/** A failure that is not the database's is tried so often; then it is ours to mend. */
const MAX_UNKNOWN_FAILURES = 5

/**
 * The loop of ingest: frames → one batch → one transaction, one after the other. Ends when the source
 * has ended and all that it has read is stored.
 * @throws when the store fails in a way that does not pass
 */
export async function runIngester(options: IngesterOptions): Promise<void> {
  const { buffer } = options
  const ended = new AbortController()
  const failed = new AbortController()
  const failing = new Set<Chore>()
  // What is committed is known here: nobody else writes it while this process ingests.
  const committed = { position: options.position }
  const source = options.source
    .run({
      resumeFrom: () => committed.position,
      buffer,
      signal: AbortSignal.any([options.signal, failed.signal]),
    })
    .finally(() => ended.abort())
  // A source that fails while a batch is being stored is not unhandled: it is awaited below.
  source.catch(() => {})
  let fillMs = FIRST_FILL_MS
  try {
    for (;;) {
      const frames = await buffer.take({
        max: MAX_BATCH,
        waitMs: WAIT_MS,
        fillMs,
        signal: ended.signal,
      })
      if (frames.length > 0) {
        fillMs = FILL_MS
        const position = await storeFrames(frames, options)
        committed.position = later(committed.position, position)
      } else if (ended.signal.aborted) {
        break
      }
      for (const chore of [...tellers(options), ...(options.chores ?? [])]) {
        await doChore(chore, failing, options)
      }
    }
  } finally {
    failed.abort()
    await source.catch(() => {})
  }
  await source
}

/** Answers the position that is committed with the frames. */
async function storeFrames(
  frames: readonly StreamFrame[],
  options: IngesterOptions,
): Promise<Position | undefined> {
  let position: Position | undefined
  for (let from = 0; from < frames.length;) {
    const startedAt = performance.now()
    const { batch, to } = readBatch(frames, from, options)
    await storeSafely(batch, options)
    options.counters.batchStored(batch, performance.now() - startedAt, options.clock())
    position = later(position, batch.position)
    from = to
  }
  return position
}

/** The same rule as that of the stored position: it never goes back. */
function later(before: Position | undefined, after: Position | undefined): Position | undefined {
  return before !== undefined && (after === undefined || after.timeUs < before.timeUs)
    ? before
    : after
}

/** A step that the database cannot take now is tried again when it is due; that it fails is told once. */
async function doChore(chore: Chore, failing: Set<Chore>, options: IngesterOptions): Promise<void> {
  const { clock, logger } = options
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

function tellers({ teller }: IngesterOptions): Chore[] {
  return teller === undefined ? [] : [teller]
}

/**
 * Decodes and projects frames, up to where a batch is full; whatever is wrong with one is counted and
 * costs only itself.
 */
function readBatch(
  frames: readonly StreamFrame[],
  from: number,
  options: IngesterOptions,
): { batch: Batch; to: number } {
  const { counters, projection } = options
  const ops: RowOp[] = []
  let greatestUs = 0
  let last: StreamFrame | undefined
  let lastEventUs: Us | undefined
  const nowUs = options.clock()
  let tags = 0
  let to = from
  for (; to < frames.length && tags < MAX_BATCH_TAGS; to += 1) {
    const frame = frames[to] as StreamFrame
    const strangerUs = timeOfStrangerMark(frame, projection)
    const decoded = strangerUs === undefined ? decodeEvent(frame) : undefined
    const timeUs = decoded === undefined ? strangerUs : timeOf(decoded)
    const isAhead = timeUs !== undefined && timeUs > nowUs + MAX_AHEAD_US
    if (timeUs !== undefined && !isAhead) {
      noteTime(frame.connection, timeUs)
      greatestUs = Math.max(greatestUs, timeUs)
      last = frame
      lastEventUs = timeUs
    } else if (isAhead) {
      counters.futureEvent(timeUs, frame.connection.host)
    }
    if (decoded === undefined) {
      continue
    }
    if (!decoded.ok) {
      counters.frameRejected(decoded.reason, frame)
      continue
    }
    const op = projectEvent(
      decoded.event,
      timesOf(decoded.event, frame, isAhead, nowUs),
      projection,
    )
    if (op !== undefined) {
      ops.push(op)
      tags += op.kind === 'putPost' ? (op.facts?.tags.length ?? 0) : 0
    }
  }
  counters.framesRead(to - from)
  const position = last && {
    timeUs: greatestUs,
    host: last.connection.host,
    disorderUs: last.connection.disorderUs,
  }
  return { batch: { ops, position, lastEventUs }, to }
}

function timeOf(decoded: Decoded): Us | undefined {
  return decoded.ok ? decoded.event.timeUs : decoded.timeUs
}

/**
 * A connection sends what an account does in its order. So what comes after the account's deletion on
 * the same connection is later than it, whatever its time says; a replay tells both again, in order.
 */
function timesOf(
  event: StreamEvent,
  { connection }: StreamFrame,
  isAhead: boolean,
  nowUs: Us,
): EventTimes {
  if (event.kind === 'account' && !event.active && event.status === 'deleted') {
    if (connection.erased.size >= MAX_ERASED) {
      connection.erased.clear()
    }
    connection.erased.add(event.did)
  } else if (connection.erased.has(event.did)) {
    return { datedUs: isAhead ? nowUs : event.timeUs, orderUs: Number.MAX_SAFE_INTEGER }
  }
  return isAhead
    ? { datedUs: nowUs, orderUs: connection.greatestUs || nowUs }
    : { datedUs: event.timeUs, orderUs: event.timeUs }
}

function noteTime(connection: Connection, timeUs: Us): void {
  connection.disorderUs = Math.max(connection.disorderUs, connection.greatestUs - timeUs)
  connection.greatestUs = Math.max(connection.greatestUs, timeUs)
}

/** Stores a batch, waiting for as long as the database cannot take it. */
async function storeSafely(batch: Batch, options: IngesterOptions): Promise<void> {
  const { counters, logger, target, clock, signal } = options
  const failing = new Set<Chore>()
  let unknownFailures = 0
  for (let attempt = 1; ; attempt += 1) {
    try {
      await storeBatch(target, batch, clock())
      if (attempt > 1) {
        logger.info({ event: 'storeRecovered', attempts: attempt }, 'the database takes rows again')
        counters.storeFails(undefined)
      }
      return
    } catch (error) {
      const trouble = troubleOf(error)
      if (trouble === 'refused') {
        await storeOneByOne(batch, options)
        return
      }
      unknownFailures += trouble === undefined ? 1 : 0
      // With the connection the lock of ingest is lost: another process may have gone on since.
      const isOver = trouble === 'damaged' || trouble === 'lost'
      if (isOver || unknownFailures >= MAX_UNKNOWN_FAILURES || signal.aborted) {
        throw new Error('cannot store a batch', { cause: error })
      }
      if (attempt === 1) {
        const reason = describeError(error)
        logger.error({ event: 'storeFails', reason }, `cannot store: ${reason}; trying again`)
        counters.storeFails(`cannot store: ${reason}`)
      }
      // Where one lock is on everything, telling would only wait for it once more.
      for (const teller of target.database.dialect.hasTableLocks ? tellers(options) : []) {
        await doChore(teller, failing, options)
      }
      await delay(Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(attempt, 10)), undefined, {
        signal,
      }).catch(() => {})
    }
  }
}

/** One operation that the database refuses costs only itself; the position goes last, alone. */
async function storeOneByOne(batch: Batch, options: IngesterOptions): Promise<void> {
  const { counters, logger, target, clock } = options
  for (const op of batch.ops) {
    try {
      await storeBatch(target, { ops: [op], position: undefined, lastEventUs: undefined }, clock())
    } catch (error) {
      if (troubleOf(error) !== 'refused') {
        throw error
      }
      counters.operationPoisoned()
      logger.error(
        { event: 'operationRefused', kind: op.kind, did: op.did, reason: describeError(error) },
        'the database refuses one operation: dropped',
      )
    }
  }
  await storeBatch(target, { ...batch, ops: [] }, clock())
}
