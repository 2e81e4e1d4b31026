import type { Logger } from '../logger.ts'
import { SupervisedThread } from '../threads/supervisedThread.ts'
import type { RankWorkerData } from './rankWorker.ts'

export interface RankThreadOptions {
  readonly data: RankWorkerData
  readonly logger: Logger
  readonly onFatal: (error: Error) => void
}

/** Most that it reads is read once a minute; V8 would take several times as much. */
const YOUNG_GENERATION_MB = 12

/** Ranking in a thread of its own; what it does is told by the store alone. */
export function startRankThread(options: RankThreadOptions): SupervisedThread<undefined> {
  return new SupervisedThread<undefined>({
    ...options,
    name: 'ranking',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    program: new URL('./rankWorker.ts', import.meta.url),
    addStatus: () => undefined,
    deadStatus: () => undefined,
  })
}
