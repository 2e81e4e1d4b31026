import { createFeeds, prepareFilters } from '../../src/feeds/createFeeds.ts'
import type { Feed } from '../../src/feeds/feed.ts'
import type { FeedDefinition } from '../../src/feeds/feedDefinition.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { silentLogger } from '../../src/logger.ts'
import { US_PER_HOUR } from '../../src/time.ts'
import { createRecordStore } from './createRecordStore.ts'
import type { TestDatabase } from './databases.ts'

export interface FeedBench {
  readonly feeds: readonly Feed[]
  store(...ops: readonly Operation[]): Promise<void>
}

/** Feeds on a test's database, with the means to store what a stream would bring. */
export async function openFeedBench(
  database: TestDatabase,
  definitions: readonly FeedDefinition[],
  clock: () => number,
): Promise<FeedBench> {
  const { writer, reader } = database
  const filters = await prepareFilters(writer, definitions, { clock, logger: silentLogger() })
  const feeds = createFeeds({ reader, definitions, filters, retentionDays: 30, clock })
  const store = createRecordStore(writer)
  return {
    feeds,
    store: async (...ops) => {
      const batch = { ops, position: undefined, lastEventUs: undefined }
      await storeBatch({ store, pinned: [], windowUs: 72 * US_PER_HOUR }, batch, clock())
    },
  }
}
