/**
 * The thread of ingest. It waits until it is to begin and until it is the one process that ingests, opens its own writing
 * connection, and tells its status to the main thread. When the connection ends, it begins again from
 * what is committed: another process may have gone on meanwhile.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { troubleOf } from '../db/databaseErrors.ts'
import { openRole } from '../db/openDatabase.ts'
import { describeError } from '../errors.ts'
import type { AskOptions } from '../identity/askAccountStatus.ts'
import { createLogger } from '../logger.ts'
import type { LoggerOptions } from '../logger.ts'
import type { IngestStatus } from '../status/ingestStatus.ts'
import type { WorkerMessage } from '../threads/supervisedThread.ts'
import { listenToOrders } from '../threads/threadOrders.ts'
import { systemClock } from '../time.ts'
import { IngestCounters } from './ingestCounters.ts'
import { silentMs, startIngest } from './startIngest.ts'
import type { Ingest, IngestOptions } from './startIngest.ts'

export interface WorkerData {
  readonly ingest: IngestOptions
  readonly logger: Pick<LoggerOptions, 'level' | 'pretty'>
}

/** Also without a change: frames wait in the buffer, and time passes. */
const STATUS_EVERY_MS = 1_000

async function run({ ingest: options, logger }: WorkerData): Promise<void> {
  const { begun, stop } = listenToOrders()
  await begun
  const log = createLogger(logger).child({ module: 'ingest' })
  const counters = new IngestCounters(log, systemClock, {
    onChange: () => tell(),
    silentMs: silentMs(options),
  })
  let status = (): IngestStatus => counters.status(0)
  const tell = (): void => send({ type: 'status', status: status() })
  const timer = setInterval(tell, STATUS_EVERY_MS)
  try {
    while (!stop.aborted) {
      await using database = await openRole({
        databaseUrl: options.databaseUrl,
        role: 'ingest',
        signal: stop,
        hasBeenLetIn: true,
        onWaiting: (reason, isHeld) => counters.waits(reason, isHeld ? 'standby' : 'waiting'),
      })
      if (database !== undefined) {
        const ingest = startIngest(options, {
          database,
          counters,
          logger: log,
          clock: systemClock,
          signal: stop,
          ...(options.identity && { askAccount: askerOf(options.identity) }),
        })
        ;({ status } = ingest)
        await untilLost(ingest, counters, stop)
      }
    }
  } finally {
    clearInterval(timer)
    tell()
  }
}

/** Loaded when somebody is asked for. */
function askerOf(identity: AskOptions): (did: string) => Promise<boolean> {
  return async (did) => {
    const { askAccountStatus } = await import('../identity/askAccountStatus.ts')
    return await askAccountStatus(did, identity)
  }
}

/** Ends well when ingest has ended, or has lost its connection and is to begin again from the store. */
async function untilLost(
  ingest: Ingest,
  counters: IngestCounters,
  signal: AbortSignal,
): Promise<void> {
  try {
    await ingest.done
  } catch (error) {
    if (troubleOf(error) !== 'lost' || signal.aborted) {
      throw error
    }
    counters.waits(describeError(error))
  }
}

function send(message: WorkerMessage<IngestStatus>): void {
  parentPort?.postMessage(message)
}

run(workerData as WorkerData)
  .then(() => send({ type: 'done' }))
  .catch((error: unknown) => {
    send({
      type: 'failed',
      reason: describeError(error),
      isFinal: troubleOf(error) === 'damaged',
    })
  })
  // A listener on the port keeps the thread alive.
  .finally(() => parentPort?.close())
