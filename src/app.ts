import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { describeConfig } from './config.ts'
import { keepFiltersInUse } from './feeds/filterUse.ts'
import { observeIngest } from './feeds/observeIngest.ts'
import { observeRankings } from './feeds/observeRankings.ts'
import type { RankingStatus } from './feeds/observeRankings.ts'
import { createFeeds } from './feeds/openFeeds.ts'
import { rankingsOf } from './feeds/rankingKey.ts'
import { createRegistry } from './feeds/registry.ts'
import { noteServedGenerations } from './feeds/servedGenerations.ts'
import { watchFilters } from './feeds/watchFilters.ts'
import { closeServer, listen, urlHost } from './httpServer.ts'
import { startIngestThread } from './ingest/ingestThread.ts'
import { loadPosition } from './ingest/loadPosition.ts'
import type { IngestStatus } from './ingestStatus.ts'
import type { Logger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { openFeedReader, prepareDatabase } from './prepareDatabase.ts'
import { identityOf } from './serviceIdentity.ts'
import { ingestOptions } from './setup.ts'
import type { Setup } from './setup.ts'
import { systemClock } from './time.ts'
import { startRankThread } from './trending/rankThread.ts'
import { watchOverload } from './xrpc/overload.ts'
import { SkeletonResponder } from './xrpc/skeletonResponder.ts'

export interface AppOptions {
  readonly logger: Logger
  /** Whether logs are lines for people. */
  readonly pretty: boolean
  /** Ends waiting for the database, with an error, while the service is being built. */
  readonly signal?: AbortSignal
}

export interface App extends AsyncDisposable {
  /** Where it listens, `http://HOST:PORT`. */
  readonly url: string
  /** Resolves when the signal aborts; rejects when the service cannot go on. */
  runUntil(signal: AbortSignal): Promise<void>
}

/**
 * Builds the service in the order in which its parts depend on each other, and starts it. The port is
 * taken first: another process on it is found out before anything is written.
 */
export async function createApp(setup: Setup, options: AppOptions): Promise<App> {
  const { config, definitions } = setup
  const { logger, pretty, signal } = options
  await using stack = new AsyncDisposableStack()
  const server = stack.adopt(await listen(config), closeServer)
  const port = (server.address() as AddressInfo).port
  const identity = identityOf(config, port)
  const version = readVersion()
  logger.info({ event: 'starting', version, config: describeConfig(config) }, 'tagfeed starts')

  if (config.allowLocalNetwork) {
    logger.warn(
      { event: 'localNetworkAllowed' },
      'the local network is trusted (FEEDGEN_ALLOW_LOCAL_NETWORK=true): for tests only, not for the public',
    )
  }
  const filterIds = await prepareDatabase(setup, { logger, signal })
  const reader = stack.use(await openFeedReader(config, { logger, signal }))
  const { retentionDays } = config
  const clock = systemClock
  const rankings = rankingsOf(definitions)
  const served = stack.use(noteServedGenerations(config.databaseUrl, logger))
  const feeds = createFeeds({
    reader,
    definitions,
    filterIds,
    retentionDays,
    clock,
    onServed: (generation) => served.note(generation),
  })

  stack.use(keepFiltersInUse({ databaseUrl: config.databaseUrl, filterIds, clock, logger }))
  const prepare = (ended: AbortSignal): Promise<number[]> =>
    prepareDatabase(setup, { logger, signal: ended })
  stack.use(watchFilters({ reader, definitions, filterIds, prepare, logger }))

  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})
  const thread = config.roles.has('ingest')
    ? stack.use(
        startIngestThread({
          data: { ingest: ingestOptions(setup), logger: { level: config.logLevel, pretty } },
          logger,
          onFatal: (error) => fail(error),
        }),
      )
    : undefined
  if (config.roles.has('rank') && rankings.length > 0) {
    stack.use(
      startRankThread({
        data: {
          databaseUrl: config.databaseUrl,
          rankings,
          retentionDays,
          logger: { level: config.logLevel, pretty },
        },
        logger,
        // Readers go on being served the last rankings; `/ready` and the metrics say that they are old.
        onFatal: ({ message }) => logger.error({ event: 'rankingGivenUp' }, message),
      }),
    )
  }

  const observer = stack.use(observeIngest(reader, clock))
  const ingestStatus = (): IngestStatus | undefined =>
    thread === undefined || thread.status?.state === 'standby'
      ? (observer.status() ?? thread?.status)
      : thread.status
  const registry = config.roles.has('serve')
    ? createRegistry(identity.publisherDid, feeds)
    : undefined
  const rankingObserver = stack.use(observeRankings(reader, rankings, clock))
  const rankingStatuses = (): readonly RankingStatus[] => rankingObserver.statuses()
  const metrics = createMetrics({ ingestStatus, rankingStatuses, clock })
  const overload = stack.use(watchOverload())
  const health = {
    version,
    startedUs: clock(),
    clock,
    startPositionUs: (await loadPosition(reader))?.timeUs ?? null,
    ingestStatus,
    rankingStatuses,
  }
  // Large, and not needed until here: it is loaded while the threads load theirs.
  const { createHttpApp } = await import('./xrpc/server.ts')
  const framework = createHttpApp({ identity, registry, health, metrics, overload, logger })
  const responder =
    registry &&
    stack.use(
      new SkeletonResponder({
        registry,
        metrics,
        overload,
        logger,
        version: () => reader.version(),
      }),
    )
  server.removeAllListeners('request').on('request', (request, response) => {
    if (responder?.respond(request, response) !== true) {
      framework(request, response)
    }
  })
  const url = `http://${urlHost(config.listenHost)}:${port}`
  logger.info({ event: 'listening', url, ...identity }, `feeds are served at ${url}`)

  const resources = stack.move()
  return {
    url,
    runUntil: (signal) => Promise.race([failed, aborted(signal)]),
    [Symbol.asyncDispose]: async () => {
      logger.info({ event: 'stopping' }, 'committing what was read, then closing')
      // Readers first: what they read from is closed after them.
      await Promise.all([closeServer(server), thread?.[Symbol.asyncDispose]()])
      await resources.disposeAsync()
      if (thread?.hasFailed === true) {
        throw new Error(
          'what was read last could not be stored: it is read again at the next start',
        )
      }
      logger.info({ event: 'stopped' }, 'tagfeed has stopped')
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
    if (signal.aborted) {
      resolve()
    }
  })
}

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
