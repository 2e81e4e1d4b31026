import { setTimeout as delay } from 'node:timers/promises'
import { troubleOf } from '../db/databaseErrors.ts'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Clock, Us } from '../time.ts'
import type { Batch } from './events/operations.ts'
import type { IngestCounters } from './ingestCounters.ts'
import { storeBatch } from './store/storeBatch.ts'
import type { BatchTarget } from './store/storeBatch.ts'

export interface StoreOptions {
  readonly target: BatchTarget
  readonly counters: IngestCounters
  readonly logger: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Done between attempts. */
  readonly onWaiting: () => Promise<void>
}

const RETRY_MIN_MS = 100
/** Shorter than a session may be silent that holds the lock of ingest. */
const RETRY_MAX_MS = 2_000
/** A failure that is not the database's is tried so often; then it is ours to mend. */
const MAX_UNKNOWN_FAILURES = 5

/**
 * Stores a batch, waiting for as long as the database cannot take it; returns our clock at the commit.
 * @throws when it fails in a way that does not pass
 */
export async function storeSafely(batch: Batch, options: StoreOptions): Promise<Us> {
  const { counters, logger, target, clock, signal } = options
  const startedMs = performance.now()
  let unknownFailures = 0
  for (let attempt = 1; ; attempt += 1) {
    try {
      const nowUs = clock()
      await storeBatch(target, batch, nowUs)
      if (attempt > 1) {
        logger.info({ event: 'storeRecovered', attempts: attempt }, 'the database takes rows again')
        counters.storeFails(undefined)
      }
      return nowUs
    } catch (error) {
      const trouble = troubleOf(error)
      if (trouble === 'refused') {
        return await storeOneByOne(batch, options)
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
        counters.storeFails(`cannot store: ${reason}`, startedMs)
      }
      await options.onWaiting()
      await delay(Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(attempt, 10)), undefined, {
        signal,
      }).catch(() => {})
    }
  }
}

/** One operation that the database refuses costs only itself; the position goes last, alone. */
async function storeOneByOne(batch: Batch, options: StoreOptions): Promise<Us> {
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
  const nowUs = clock()
  await storeBatch(target, { ...batch, ops: [] }, nowUs)
  return nowUs
}
