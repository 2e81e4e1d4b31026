/** The thread of ingest: opens its own writing connection, and tells its status to the main thread. */
import { parentPort, workerData } from 'node:worker_threads'
import { troubleOf } from '../db/databaseErrors.ts'
import { openWriter } from '../db/openDatabase.ts'
import { describeError } from '../errors.ts'
import type { IngestStatus } from '../ingestStatus.ts'
import { createLogger } from '../logger.ts'
import type { LoggerOptions } from '../logger.ts'
import { systemClock } from '../time.ts'
import { startIngest } from './ingest.ts'
import type { IngestOptions } from './ingest.ts'

export interface WorkerData {
  readonly ingest: IngestOptions
  readonly logger: Pick<LoggerOptions, 'level' | 'pretty'>
}

export type WorkerMessage =
  | { readonly type: 'status'; readonly status: IngestStatus }
  /** All is stored and closed. The thread may be ended: timers of libraries would keep it for seconds. */
  | { readonly type: 'done' }
  /** The thread ends. `isFinal`: starting it again cannot help. */
  | { readonly type: 'failed'; readonly reason: string; readonly isFinal: boolean }

const STATUS_EVERY_MS = 100

async function run({ ingest: options, logger }: WorkerData): Promise<void> {
  const stop = new AbortController()
  parentPort?.once('message', () => stop.abort())
  await using database = openWriter(options.databaseUrl)
  const ingest = startIngest(options, {
    database,
    logger: createLogger(logger).child({ module: 'ingest' }),
    clock: systemClock,
    signal: stop.signal,
  })
  const tell = (): void => send({ type: 'status', status: ingest.status() })
  const timer = setInterval(tell, STATUS_EVERY_MS)
  try {
    await ingest.done
  } finally {
    clearInterval(timer)
    tell()
  }
}

function send(message: WorkerMessage): void {
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
