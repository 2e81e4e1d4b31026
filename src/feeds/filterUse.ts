import { openWriter } from '../db/openDatabase.ts'
import type { Logger } from '../logger.ts'
import type { Clock } from '../time.ts'

export interface FilterUseOptions {
  readonly databaseUrl: string
  readonly filterIds: readonly number[]
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 60 * 60 * 1_000
/** Sooner than that again, when the database was locked. */
const AGAIN_MS = 60 * 1_000
/** This runs on the thread that answers readers: it must not wait. */
const BUSY_MS = 50

/**
 * Tells the store every hour that the filters of this process are in use: one that nobody has used for
 * two days is dropped.
 */
export function keepFiltersInUse(options: FilterUseOptions): Disposable {
  let timer: NodeJS.Timeout
  const touch = async (): Promise<void> => {
    const isTold = await touchFilters(options)
    timer = setTimeout(() => void touch(), isTold ? EVERY_MS : AGAIN_MS).unref()
  }
  timer = setTimeout(() => void touch(), EVERY_MS).unref()
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}

/** Whether the store could be told. */
export async function touchFilters(options: FilterUseOptions): Promise<boolean> {
  const { databaseUrl, filterIds, clock, logger } = options
  try {
    await using writer = await openWriter(databaseUrl, { lockTimeoutMs: BUSY_MS, mustExist: true })
    await writer.kysely
      .updateTable('filter')
      .set({ used_us: clock() })
      .where('id', 'in', [...filterIds])
      .execute()
    return true
  } catch (error) {
    // Locked by a batch, most likely; there are two days to succeed in.
    logger.debug({ event: 'filterUseNotTold', error }, 'the filters in use could not be noted')
    return false
  }
}
