import type { Logger } from '../logger.ts'
import { addTotals } from '../status/ingestStatus.ts'
import type { IngestStatus } from '../status/ingestStatus.ts'
import { SupervisedThread } from '../threads/supervisedThread.ts'
import type { WorkerData } from './ingestWorker.ts'

export interface ThreadOptions<Data> {
  readonly data: Data
  readonly logger: Logger
  readonly onFatal: (error: Error) => void
}

/**
 * Room for what has just been read, of which nearly all is thrown away at once. V8 would take 192 MiB
 * of a large machine, which saves ingest nothing.
 */
export const YOUNG_GENERATION_MB = 24

/** Ingest in a thread of its own. */
export function startIngestThread(
  options: ThreadOptions<WorkerData>,
): SupervisedThread<IngestStatus> {
  return new SupervisedThread<IngestStatus>({
    ...options,
    name: 'ingest',
    program: new URL('./ingestWorker.ts', import.meta.url),
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    addStatus: addTotals,
    deadStatus: (status, reason) => ({ ...status, connected: false, problem: reason }),
  })
}
