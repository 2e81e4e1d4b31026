import type { Config } from '../config/config.ts'
import { UnwritableError } from '../db/checkFile.ts'
import type { ReadDatabase } from '../db/database.ts'
import {
  checkDatabase,
  isMissing,
  isOutOfReach,
  openReader,
  openWriter,
  whenReachable,
} from '../db/openDatabase.ts'
import { openUnwritable } from '../db/openUnwritable.ts'
import { refuseUnfinishedCopy } from '../db/unfinishedCopy.ts'
import { bringUpToDate } from '../db/upgrade/bringUpToDate.ts'
import { isMigrated } from '../db/upgrade/migrate.ts'
import { ConfigError } from '../errors.ts'
import { prepareFilters } from '../feeds/createFeeds.ts'
import { filterOf } from '../feeds/feedDefinition.ts'
import type { Logger } from '../logger.ts'
import type { FeedFilters } from '../posts/feedFilters.ts'
import { findFilters } from '../posts/filters.ts'
import { systemClock } from '../time.ts'
import type { Setup } from './setup.ts'

export interface PrepareOptions {
  readonly logger: Logger
  readonly signal: AbortSignal | undefined
}

/**
 * Migrates, and looks at stored posts for feeds that are new or have changed; waits for a database
 * that is out of reach. Returns the filters of the feeds.
 * @throws ConfigError when the database is an unfinished copy, is not for this version, or cannot be
 *   written
 * @throws AbortError when the signal aborts meanwhile
 */
export async function prepareDatabase(setup: Setup, options: PrepareOptions): Promise<FeedFilters> {
  const { config, definitions } = setup
  const prepare = async (): Promise<FeedFilters> => {
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
        const found = isOutOfReach(error) ? await findPrepared(setup) : undefined
        if (found === undefined) {
          throw error
        }
        return found
      }
    },
    options,
  )
}

export interface Readable extends AsyncDisposable {
  /** The connection from which feeds are read. */
  readonly reader: ReadDatabase
  /** As `prepareDatabase` returns them. */
  readonly filters: FeedFilters
  /** Whether what is missing, such as a ranking, may be made. */
  readonly isWritable: boolean
}

/**
 * For a command that prints what there is: a database that cannot be written is read as it is.
 * @throws ConfigError when the service has not made it ready for these feeds yet
 */
export async function openReadable(setup: Setup, options: PrepareOptions): Promise<Readable> {
  const { config, definitions } = setup
  let isWritable = true
  let filters: FeedFilters | undefined
  let refusal: UnwritableError | undefined
  try {
    filters = await prepareDatabase(setup, options)
  } catch (error) {
    if (!(error instanceof UnwritableError) || isMissing(config.databaseUrl)) {
      throw error
    }
    refusal = error
    isWritable = false
  }
  await using stack = new AsyncDisposableStack()
  const reader = stack.use(
    isWritable ? await openFeedReader(config, options) : await openUnwritable(config.databaseUrl),
  )
  if (filters === undefined && (await isMigrated(reader))) {
    await refuseUnfinishedCopy(reader)
    filters = await findFilters(reader, definitions.map(filterOf))
  }
  if (filters === undefined) {
    throw new ConfigError([
      'the service has not made the database ready for this version and these feeds yet, and this ' +
        'command may not: start the service once, or let the command write',
      ...(refusal?.problems ?? []),
    ])
  }
  const resources = stack.move()
  return {
    reader,
    filters,
    isWritable,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** A process that only serves starts from a replica when the primary is down and nothing is to be written. */
async function findPrepared({ config, definitions }: Setup): Promise<FeedFilters | undefined> {
  if (!isServer(config)) {
    return undefined
  }
  await using reader = await openReader(config.databaseUrl, config.databaseReadUrls)
  await refuseUnfinishedCopy(reader)
  return (await isMigrated(reader))
    ? await findFilters(reader, definitions.map(filterOf))
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
export function openFeedReader(config: Config, options: PrepareOptions): Promise<ReadDatabase> {
  return whenReachable(
    config.databaseUrl,
    () => openReader(config.databaseUrl, config.databaseReadUrls),
    options,
  )
}
