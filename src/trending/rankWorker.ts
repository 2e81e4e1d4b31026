/** The thread of ranking: waits until it is to begin and is the one process that ranks, and ranks. */
import { parentPort, workerData } from 'node:worker_threads'
import { troubleOf } from '../db/databaseErrors.ts'
import { openRole } from '../db/openDatabase.ts'
import { describeError } from '../errors.ts'
import type { RankingDefinition } from '../feeds/rankingDefinition.ts'
import { createLogger } from '../logger.ts'
import type { LoggerOptions } from '../logger.ts'
import type { WorkerMessage } from '../threads/supervisedThread.ts'
import { listenToOrders } from '../threads/threadOrders.ts'
import { systemClock } from '../time.ts'
import { Ranker } from './ranker.ts'

export interface RankWorkerData {
  readonly databaseUrl: string
  readonly rankings: readonly RankingDefinition[]
  readonly retentionDays: number
  readonly logger: Pick<LoggerOptions, 'level' | 'pretty'>
}

async function run({ databaseUrl, logger, ...options }: RankWorkerData): Promise<void> {
  const { begun, stop } = listenToOrders()
  await begun
  const log = createLogger(logger).child({ module: 'rank' })
  let waitsFor: string | undefined
  while (!stop.aborted) {
    await using database = await openRole({
      databaseUrl,
      role: 'rank',
      signal: stop,
      hasBeenLetIn: true,
      onWaiting: (reason) => {
        if (reason !== waitsFor) {
          log.info({ event: 'rankingWaits', reason }, `ranking waits: ${reason}`)
        }
        waitsFor = reason
      },
    })
    if (database !== undefined) {
      waitsFor = undefined
      try {
        await new Ranker({ ...options, database, logger: log, clock: systemClock }).run(stop)
      } catch (error) {
        if (troubleOf(error) !== 'lost') {
          throw error
        }
        log.warn({ event: 'rankingLost', reason: describeError(error) }, 'connecting again')
      }
    }
  }
}

function send(message: WorkerMessage<undefined>): void {
  parentPort?.postMessage(message)
}

run(workerData as RankWorkerData)
  .then(() => send({ type: 'done' }))
  .catch((error: unknown) => {
    const isFinal = troubleOf(error) === 'damaged'
    send({ type: 'failed', reason: describeError(error), isFinal })
  })
  // A listener on the port keeps the thread alive.
  .finally(() => parentPort?.close())
