import type { Config } from './config.ts'
import { refuseUnfinishedCopy } from './copy/copyProgress.ts'
import { bringUpToDate } from './db/bringUpToDate.ts'
import type { Database } from './db/database.ts'
import { isMigrated } from './db/migrate.ts'
import {
  checkDatabase,
  isOutOfReach,
  openReader,
  openWriter,
  whenReachable,
} from './db/openDatabase.ts'
import { findFilters } from './feeds/filters.ts'
import { prepareFilters } from './feeds/openFeeds.ts'
import type { Logger } from './logger.ts'
import type { Setup } from './setup.ts'
import { systemClock } from './time.ts'

export interface PrepareOptions {
  readonly logger: Logger
  readonly signal: AbortSignal | undefined
}

/**
 * Migrates, and looks at stored posts for feeds that are new or have changed; waits for a database
 * that is out of reach. Answers the ids of the feeds' filters, in the order of the feeds.
 * @throws ConfigError when the database is an unfinished copy, is not for this version, or cannot be
 *   written
 * @throws AbortError when the signal aborts meanwhile
 */
export async function prepareDatabase(setup: Setup, options: PrepareOptions): Promise<number[]> {
  const { config, definitions } = setup
  const prepare = async (): Promise<number[]> => {
    await checkDatabase(config.databaseUrl)
    await using writer = await openWriter(config.databaseUrl)
    // It may wait for a lock, or for long work, when it is told to stop.
    using _ = onAbort(options.signal, () => void writer[Symbol.asyncDispose]())
    await refuseUnfinishedCopy(writer)
    await bringUpToDate(writer, { ...options, databaseUrl: config.databaseUrl })
    return await prepareFilters(writer, definitions, { ...options, clock: systemClock })
  }
  return await whenReachable(
    config.databaseUrl,
    async () => {
      try {
        return await prepare()
      } catch (error) {
        options.signal?.throwIfAborted()
        const ids = isOutOfReach(error) ? await findPrepared(setup) : undefined
        if (ids === undefined) {
          throw error
        }
        return ids
      }
    },
    options,
  )
}

/** A process that only serves starts from a replica when the primary is down and nothing is to be written. */
async function findPrepared({ config, definitions }: Setup): Promise<number[] | undefined> {
  if (!isServer(config)) {
    return undefined
  }
  await using reader = await openReader(config.databaseUrl, config.databaseReadUrls)
  await refuseUnfinishedCopy(reader)
  return (await isMigrated(reader))
    ? await findFilters(
        reader,
        definitions.map(({ filter }) => filter),
      )
    : undefined
}

function onAbort(signal: AbortSignal | undefined, listener: () => void): Disposable {
  signal?.addEventListener('abort', listener, { once: true })
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', listener) }
}

function isServer({ roles, databaseReadUrls }: Config): boolean {
  return roles.size === 1 && roles.has('serve') && databaseReadUrls.length > 0
}

/** The connection from which feeds are read. */
export function openFeedReader(config: Config, options: PrepareOptions): Promise<Database> {
  return whenReachable(
    config.databaseUrl,
    () => openReader(config.databaseUrl, config.databaseReadUrls),
    options,
  )
}
