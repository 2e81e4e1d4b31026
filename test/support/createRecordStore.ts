import type { WriteDatabase } from '../../src/db/database.ts'
import { RecordMemory } from '../../src/ingest/memory/recordMemory.ts'
import { RecordStore } from '../../src/ingest/store/recordStore.ts'
import { silentLogger } from '../../src/logger.ts'
import { US_PER_HOUR } from '../../src/time.ts'

/** A store that keeps every tag, and has a memory of its own that holds rows and has read no keys. */
export function createRecordStore(database: WriteDatabase): RecordStore {
  const memory = new RecordMemory({
    database,
    windowUs: 72 * US_PER_HOUR,
    reachedUs: (nowUs) => nowUs,
    pinned: [],
    logger: silentLogger(),
  })
  return new RecordStore({ database, memory, keepTag: () => true })
}
