import type { ReadDatabase } from '../db/database.ts'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { FeedFilters } from '../posts/feedFilters.ts'
import { findFilters } from '../posts/filters.ts'
import { filterOf } from './feedDefinition.ts'
import type { FeedDefinition } from './feedDefinition.ts'

export interface FilterWatchOptions {
  readonly reader: ReadDatabase
  readonly definitions: readonly FeedDefinition[]
  /** Those of the feeds, which are replaced when they have changed. */
  readonly filters: FeedFilters
  /** Makes the filters. */
  readonly prepare: (signal: AbortSignal) => Promise<FeedFilters>
  readonly logger: Logger
}

const EVERY_MS = 10_000

/**
 * Looks now and then whether the filters of the feeds are where they were. They are not when a replica
 * has become the primary that had not heard of them, or when this process has slept for days: without
 * them, or with those of others in their place, feeds would be empty or wrong.
 */
export function watchFilters(options: FilterWatchOptions): Disposable {
  const { reader, definitions, filters, prepare, logger } = options
  const wanted = definitions.map(filterOf)
  const stop = new AbortController()
  let timer: NodeJS.Timeout

  async function look(): Promise<void> {
    try {
      let found = await findFilters(reader, wanted)
      if (found === undefined && !stop.signal.aborted) {
        logger.warn({ event: 'filtersLost' }, 'the store lacks filters of the feeds: made anew')
        found = await prepare(stop.signal)
      }
      if (found !== undefined) {
        filters.replace(found)
      }
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
