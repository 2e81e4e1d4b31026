import type { Us } from '../time.ts'
import { MAX_AHEAD_US } from './clocks/clockJudge.ts'
import type { HeardEvent } from './clocks/clockJudge.ts'
import type { Chunk, ClockWatch } from './clocks/clockWatch.ts'
import { decodeEvent } from './events/decodeEvent.ts'
import type { Decoded, StreamEvent } from './events/decodeEvent.ts'
import type { Batch, Operation, SetFollow } from './events/operations.ts'
import { projectEvent } from './events/projectEvent.ts'
import type { EventTimes, Projection } from './events/projectEvent.ts'
import { timeOfStrangerMark } from './events/strangerMark.ts'
import type { IngestCounters } from './ingestCounters.ts'
import type { RecordMemory } from './memory/recordMemory.ts'
import type { PositionKeeper } from './stream/positionKeeper.ts'
import type { Connection, StreamFrame } from './stream/streamFrame.ts'

export interface ReadOptions {
  readonly projection: Projection
  /** Told of each operation, before the next frame is looked at. */
  readonly memory: Pick<RecordMemory, 'note'>
  readonly counters: IngestCounters
  readonly keeper: PositionKeeper
  readonly watch: ClockWatch
  /** Whose follows are kept; left out: nobody's. */
  readonly viewers?: { takes(op: SetFollow): boolean } | undefined
}

/** A batch closes at so many tags, each of which is a row: a transaction is over in tenths of a second. */
const MAX_BATCH_TAGS = 10_000
/** Deleted accounts remembered for a connection: more than any has told of. */
const MAX_ERASED = 100_000
/** The last events of a batch, by which our clock is judged. */
const NOTED = 20

/** What of a batch can be committed: the position is that of all frames that were handed on. */
export type ReadBatch = Pick<Batch, 'ops' | 'lastEventUs'>

/**
 * Decodes and projects the frames of the first of some chunks, up to where a batch is full or a frame
 * has to wait; whatever is wrong with one is counted and costs only itself.
 */
export function readBatch(
  waiting: readonly Chunk[],
  chunk: Chunk,
  options: ReadOptions,
): ReadBatch & { isHeld: boolean } {
  const { counters, projection, memory, keeper, watch } = options
  const { frames, receivedMs } = chunk
  const ops: Operation[] = []
  const heard: HeardEvent[] = []
  const beforeUs = keeper.committed?.timeUs ?? 0
  const nowUs = watch.judge.clockAt(receivedMs)
  const from = chunk.done
  let lastEventUs: Us | undefined
  let hasPassed = false
  let isHeld = false
  let tags = 0
  const tellHeard = (): true => {
    watch.judge.note(heard.splice(0))
    if (lastEventUs !== undefined) {
      watch.onTime()
    }
    return true
  }
  for (; chunk.done < frames.length && tags < MAX_BATCH_TAGS; chunk.done += 1) {
    const frame = frames[chunk.done] as StreamFrame
    const { connection } = frame
    const strangerUs = timeOfStrangerMark(frame, projection)
    const decoded = strangerUs === undefined ? decodeEvent(frame) : undefined
    const timeUs = decoded === undefined ? strangerUs : timeOf(decoded)
    const isGood = decoded === undefined || decoded.ok
    const isAhead = timeUs !== undefined && timeUs > nowUs + MAX_AHEAD_US
    if (isAhead) {
      if (isGood && !hasPassed && tellHeard() && watch.holds(waiting, connection)) {
        isHeld = true
        break
      }
      hasPassed ||= isGood
      counters.futureEvent(timeUs, connection.host)
    } else if (timeUs !== undefined && (isGood || timeUs <= nowUs)) {
      keeper.note(connection, timeUs, isGood)
      connection.lastUs = timeUs
      if (isGood && timeUs > beforeUs) {
        lastEventUs = timeUs
      }
    }
    if (timeUs !== undefined && isGood && frames.length - chunk.done <= NOTED) {
      heard.push({ timeUs, receivedMs })
    }
    if (decoded === undefined) {
      continue
    }
    if (!decoded.ok) {
      counters.frameRejected(decoded.reason, frame)
      continue
    }
    if (decoded.event.kind === 'identity') {
      counters.identityChanged(decoded.event.did)
    }
    const times = timesOf(decoded.event, frame, isAhead, nowUs)
    const op = projectEvent(decoded.event, times, projection)
    if (op?.kind === 'setFollow' && options.viewers?.takes(op) !== true) {
      continue
    }
    if (op !== undefined) {
      memory.note(op)
      ops.push(op)
      tags += op.kind === 'putPost' ? (op.facts?.tags.length ?? 0) : 0
    }
  }
  counters.framesRead(chunk.done - from)
  tellHeard()
  return { ops, lastEventUs, isHeld }
}

function timeOf(decoded: Decoded): Us | undefined {
  return decoded.ok ? decoded.event.timeUs : decoded.timeUs
}

/**
 * When an account was deleted, by the frames that came before: what a server whose clock is ahead says
 * of it is later than what the account posts next, and a replay may begin between the two.
 */
function erasedUs(timeUs: Us, { front }: Connection): Us {
  return front.us > 0 ? Math.min(timeUs, front.us) : timeUs
}

/**
 * A connection sends what an account does in its order. So what comes after the account's deletion on
 * the same connection is later than it, whatever its time says; a replay tells both again, in order.
 * What an account is counts as of now as soon as its time is ahead of our clock.
 */
function timesOf(
  event: StreamEvent,
  { connection }: StreamFrame,
  isAhead: boolean,
  nowUs: Us,
): EventTimes {
  const orderUs = isAhead ? connection.lastUs || nowUs : event.timeUs
  if (event.kind === 'account') {
    const datedUs = Math.min(event.timeUs, nowUs)
    if (!event.active && event.status === 'deleted') {
      if (connection.erased.size >= MAX_ERASED) {
        connection.erased.clear()
      }
      connection.erased.add(event.did)
      return { datedUs, orderUs: erasedUs(orderUs, connection) }
    }
    const isAfter = connection.erased.has(event.did)
    return { datedUs, orderUs: isAfter ? Number.MAX_SAFE_INTEGER : orderUs }
  }
  const isAfter = connection.erased.has(event.did)
  return {
    datedUs: isAhead ? nowUs : event.timeUs,
    orderUs: isAfter ? Number.MAX_SAFE_INTEGER : orderUs,
  }
}
