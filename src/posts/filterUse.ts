import type { SmallWrites } from '../db/smallWrites.ts'
import type { Logger } from '../logger.ts'
import { US_PER_MS } from '../time.ts'
import type { Clock } from '../time.ts'
import type { FeedFilters } from './feedFilters.ts'
import { usedUs } from './filters.ts'

export interface FilterUseOptions {
  readonly writes: SmallWrites
  readonly filters: FeedFilters
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 60 * 60 * 1_000
/** Sooner than that again, when the database was locked. */
const AGAIN_MS = 60 * 1_000
/** How often it is looked whether our clock was set, and by how much it has to be. */
const LOOK_EVERY_MS = 1_000
const SET_MS = 60 * 1_000

/**
 * Tells the store every hour that the filters of this process are in use: one that nobody has used for
 * two days is dropped. Also at once when our clock was set: what was told before may be old by it.
 */
export function keepFiltersInUse(options: FilterUseOptions): Disposable {
  const offset = (): number => options.clock() / US_PER_MS - performance.now()
  let dueMs = performance.now() + EVERY_MS
  let offsetMs = offset()
  let isTelling = false
  const look = async (): Promise<void> => {
    const wasSet = Math.abs(offset() - offsetMs) >= SET_MS
    if (isTelling || (performance.now() < dueMs && !wasSet)) {
      return
    }
    isTelling = true
    offsetMs = offset()
    dueMs = performance.now() + ((await touchFilters(options)) ? EVERY_MS : AGAIN_MS)
    isTelling = false
  }
  const timer = setInterval(() => void look(), LOOK_EVERY_MS).unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/** Whether the store could be told. */
export async function touchFilters(options: FilterUseOptions): Promise<boolean> {
  const { writes, filters, clock, logger } = options
  try {
    await writes.write(async (writer) => {
      await writer.kysely
        .updateTable('filter')
        .set({ used_us: await usedUs(writer, clock()) })
        .where('id', 'in', [...filters.ids])
        .execute()
    })
    return true
  } catch (error) {
    // There are two days to succeed in.
    logger.debug({ event: 'filterUseNotTold', error }, 'the filters in use could not be noted')
    return false
  }
}
