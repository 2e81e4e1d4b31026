import type { ReadDatabase } from '../db/database.ts'
import { US_PER_SECOND } from '../time.ts'
import type { Clock, Us } from '../time.ts'
import { FRESHNESS_US } from './freshness.ts'
import type { IngestStatus } from './ingestStatus.ts'

export interface IngestObserver extends Disposable {
  /** What the process that ingests has told last; undefined when none has told anything lately. */
  status(): IngestStatus | undefined
}

const LOOK_EVERY_MS = 1_000
/** A process that ingests tells its status every two seconds; another takes over within ten. */
const SILENT_US = 15 * US_PER_SECOND

/**
 * Follows the status that another process, perhaps of another machine, tells through the store. Whether
 * it still talks is judged by our clock alone: the clocks of machines differ.
 */
export function observeIngest(reader: ReadDatabase, clock: Clock): IngestObserver {
  let told: { toldUs: Us; status: IngestStatus; seenUs: Us } | undefined
  let timer: NodeJS.Timeout | undefined
  let isDisposed = false

  async function look(): Promise<void> {
    try {
      const row = await reader.kysely
        .selectFrom('ingest_status')
        .select(['told_us', 'status'])
        .executeTakeFirst()
      const nowUs = clock()
      // What was told long before the first look need not be waited on.
      const isRecent = row !== undefined && nowUs - row.told_us < FRESHNESS_US
      if (row !== undefined && row.told_us !== told?.toldUs) {
        told = {
          toldUs: row.told_us,
          status: JSON.parse(row.status) as IngestStatus,
          seenUs: told !== undefined || isRecent ? nowUs : 0,
        }
      }
    } catch {
      // The database is out of reach: pages say so, and what was told last grows old by itself.
    }
    if (!isDisposed) {
      timer = setTimeout(() => void look(), LOOK_EVERY_MS).unref()
    }
  }

  void look()
  return {
    status: () =>
      told !== undefined && clock() - told.seenUs < SILENT_US ? told.status : undefined,
    [Symbol.dispose]: () => {
      isDisposed = true
      clearTimeout(timer)
    },
  }
}
