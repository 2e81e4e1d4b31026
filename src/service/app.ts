import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { describeConfig } from '../config/describeConfig.ts'
import { identityOf } from '../config/serviceIdentity.ts'
import { rankingsOf } from '../feeds/rankingDefinition.ts'
import { closeServer, listen } from '../http/httpServer.ts'
import { startIngestThread } from '../ingest/ingestThread.ts'
import type { Logger } from '../logger.ts'
import type { IngestStatus } from '../status/ingestStatus.ts'
import { urlHost } from '../texts/urlHost.ts'
import type { SupervisedThread } from '../threads/supervisedThread.ts'
import { startRankThread } from '../trending/rankThread.ts'
import { ingestOptions } from './setup.ts'
import type { Setup } from './setup.ts'

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
 * taken first: another process on it is found out before anything is written. Most of a start is loading
 * modules: what this file imports at once is little, so that the threads can load theirs meanwhile.
 */
export async function createApp(setup: Setup, options: AppOptions): Promise<App> {
  const { config } = setup
  const { logger, pretty, signal } = options
  await using stack = new AsyncDisposableStack()
  const listening = stack.adopt(await listen(config), closeServer)
  const port = (listening.server.address() as AddressInfo).port
  const identity = identityOf(config, port)
  const version = readVersion()
  logger.info({ event: 'starting', version, config: describeConfig(config) }, 'tagfeed starts')

  if (config.allowLocalNetwork) {
    logger.warn(
      { event: 'localNetworkAllowed' },
      'the local network is trusted (FEEDGEN_ALLOW_LOCAL_NETWORK=true): for tests only, not for the public',
    )
  }
  if (config.hostname !== undefined && identity.publisherDid.startsWith('did:web:')) {
    logger.warn(
      { event: 'publisherNotSet', publisherDid: identity.publisherDid },
      'FEEDGEN_PUBLISHER_DID is not set: the feeds count as published by the service itself, which has no ' +
        'repository for their records; set it to the DID of the account that shows them',
    )
  }
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})
  const { ingest, ranking } = startThreads(setup, { logger, pretty, onFatal: (e) => fail(e) })
  stack.use(ingest)
  stack.use(ranking)
  // First what the threads wait for, and the rest while they are at work already.
  const { prepareDatabase } = await import('./prepareDatabase.ts')
  const filters = await prepareDatabase(setup, { logger, signal })
  ingest?.begin()
  ranking?.begin()
  const { openService } = await import('./openService.ts')
  const service = stack.use(
    await openService(setup, { identity, version, filters, ingest, logger, signal }),
  )
  listening.queue.use(service.answerer)
  listening.upgrades.server = service.subscriptionServer
  const url = `http://${urlHost(config.listenHost)}:${port}`
  logger.info({ event: 'listening', url, ...identity }, `feeds are served at ${url}`)

  const resources = stack.move()
  return {
    url,
    runUntil: (signal) => Promise.race([failed, aborted(signal)]),
    [Symbol.asyncDispose]: async () => {
      logger.info({ event: 'stopping' }, 'committing what was read, then closing')
      // Readers first: what they read from is closed after them.
      await Promise.all([closeServer(listening), ingest?.[Symbol.asyncDispose]()])
      await resources.disposeAsync()
      if (ingest?.hasFailed === true) {
        throw new Error(
          'what was read last could not be stored: it is read again at the next start',
        )
      }
      logger.info({ event: 'stopped' }, 'tagfeed has stopped')
    },
  }
}

interface Threads {
  readonly ingest: SupervisedThread<IngestStatus> | undefined
  readonly ranking: SupervisedThread<undefined> | undefined
}

/** The threads that this process is to have. They wait: there may be no database yet. */
function startThreads(
  setup: Setup,
  { logger, pretty, onFatal }: AppOptions & { readonly onFatal: (error: Error) => void },
): Threads {
  const { config, definitions } = setup
  const { databaseUrl, retentionDays, roles } = config
  const rankings = rankingsOf(definitions)
  const lines = { level: config.logLevel, pretty }
  return {
    ingest: roles.has('ingest')
      ? startIngestThread({
          data: { ingest: ingestOptions(setup), logger: lines },
          logger,
          onFatal,
        })
      : undefined,
    ranking:
      roles.has('rank') && rankings.length > 0
        ? startRankThread({
            data: { databaseUrl, rankings, retentionDays, logger: lines },
            logger,
            // Readers go on being served the last rankings; `/ready` and the metrics say that they are old.
            onFatal: ({ message }) => logger.error({ event: 'rankingGivenUp' }, message),
          })
        : undefined,
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
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
