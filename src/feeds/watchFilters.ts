import type { ReadDatabase } from '../db/database.ts'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { findFilters } from '../posts/filters.ts'
import type { FeedDefinition } from './feedDefinition.ts'

export interface FilterWatchOptions {
  readonly reader: ReadDatabase
  readonly definitions: readonly FeedDefinition[]
  /** Those of the feeds, in their order; changed in place. */
  readonly filterIds: number[]
  /** Makes the filters, and answers their ids. */
  readonly prepare: (signal: AbortSignal) => Promise<number[]>
  readonly logger: Logger
}

const EVERY_MS = 10_000

/**
 * Looks now and then whether the filters of the feeds are where they were. They are not when a replica
 * has become the primary that had not heard of them, or when this process has slept for days: without
 * them, or with those of others in their place, feeds would be empty or wrong.
 */
export function watchFilters(options: FilterWatchOptions): Disposable {
  const { reader, definitions, filterIds, prepare, logger } = options
  const filters = definitions.map(({ filter }) => filter)
  const stop = new AbortController()
  let timer: NodeJS.Timeout

  async function look(): Promise<void> {
    try {
      let ids = await findFilters(reader, filters)
      if (ids === undefined && !stop.signal.aborted) {
        logger.warn({ event: 'filtersLost' }, 'the store lacks filters of the feeds: made anew')
        ids = await prepare(stop.signal)
      }
      filterIds.splice(0, filterIds.length, ...(ids ?? filterIds))
    } catch (error) {
      // Readers notice by themselves that the store is out of reach; the next look comes soon.
      const reason = describeError(error)
      logger.debug({ event: 'filtersNotSeen', reason }, 'the filters could not be looked at')
    }
    schedule()
  }

  function schedule(): void {
    if (!stop.signal.aborted) {
      timer = setTimeout(() => void look(), EVERY_MS).unref()
    }
  }

  schedule()
  return {
    [Symbol.dispose]: () => {
      stop.abort()
      clearTimeout(timer)
    },
  }
}
