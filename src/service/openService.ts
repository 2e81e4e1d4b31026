import { prepareActivityReading } from '../activity/activityStatements.ts'
import { createClients } from '../clients/clients.ts'
import { createReadRecords } from '../clients/readRecords.ts'
import type { ServiceIdentity } from '../config/serviceIdentity.ts'
import { SmallWrites } from '../db/smallWrites.ts'
import { watchFile } from '../db/sqlite/watchFile.ts'
import { DEFAULT_TRENDING } from '../feedfile/readTrending.ts'
import { createFeeds } from '../feeds/createFeeds.ts'
import { rankingsOf } from '../feeds/rankingDefinition.ts'
import { createRegistry } from '../feeds/registry.ts'
import { noteServedGenerations } from '../feeds/servedGenerations.ts'
import { watchFilters } from '../feeds/watchFilters.ts'
import { createHttpApp } from '../http/httpApp.ts'
import { SubscriptionServer } from '../http/subscriptionServer.ts'
import type { Logger } from '../logger.ts'
import type { FeedFilters } from '../posts/feedFilters.ts'
import { keepFiltersInUse } from '../posts/filterUse.ts'
import { createFindPosts } from '../posts/findPosts.ts'
import type { Answerer } from '../queue/answerer.ts'
import type { IngestStatus } from '../status/ingestStatus.ts'
import { loadPosition } from '../status/loadPosition.ts'
import { createMetrics } from '../status/metrics.ts'
import { observeIngest } from '../status/observeIngest.ts'
import { observeRankings } from '../status/observeRankings.ts'
import { TagCounts } from '../tags/tagCounts.ts'
import { prepareTagStatements } from '../tags/tagStatements.ts'
import { systemClock } from '../time.ts'
import { openViewers } from '../viewers/viewers.ts'
import { openWebPages } from '../web/webPages.ts'
import { createAdmitCaller } from '../xrpc/admitCaller.ts'
import { createClientAddress } from '../xrpc/clientAddress.ts'
import { createAnswerer } from '../xrpc/createAnswerer.ts'
import { readPostAddress } from '../xrpc/explainPost.ts'
import { GetFeedSkeleton } from '../xrpc/getFeedSkeleton.ts'
import { SubscribePosts } from '../xrpc/subscribePosts.ts'
import { dropChangedIdentities } from './dropChangedIdentities.ts'
import { openLookUp } from './openLookUp.ts'
import { openFeedReader, prepareDatabase } from './prepareDatabase.ts'
import type { Setup } from './setup.ts'

export interface ServiceOptions {
  readonly identity: ServiceIdentity
  readonly version: string
  /** As `prepareDatabase` returns them. */
  readonly filters: FeedFilters
  /** The thread of ingest, when this process has one. */
  readonly ingest: { readonly status: IngestStatus | undefined } | undefined
  readonly logger: Logger
  /** Ends waiting for the database, with an error. */
  readonly signal: AbortSignal | undefined
}

export interface Service extends AsyncDisposable {
  readonly answerer: Answerer
  /** Undefined when this process does not serve feeds. */
  readonly subscriptionServer: SubscriptionServer | undefined
}

/** All that answers requests, on a database that has been prepared. */
export async function openService(setup: Setup, options: ServiceOptions): Promise<Service> {
  const { config, definitions } = setup
  const { identity, version, filters, ingest, logger, signal } = options
  await using stack = new AsyncDisposableStack()
  const reader = stack.use(await openFeedReader(config, { logger, signal }))
  const clock = systemClock
  const file = stack.use(watchFile(config.databaseUrl, logger))
  const databaseProblem = () => file.problem()
  const rankings = rankingsOf(definitions)
  const writes = stack.use(new SmallWrites(config.databaseUrl))
  const served = stack.use(noteServedGenerations(writes, logger))
  const feeds = createFeeds({
    reader,
    definitions,
    filters,
    retentionDays: config.retentionDays,
    clock,
    onServed: (generation) => served.note(generation),
  })

  stack.use(keepFiltersInUse({ writes, filters, clock, logger }))
  const prepare = (ended: AbortSignal): Promise<FeedFilters> =>
    prepareDatabase(setup, { logger, signal: ended })
  stack.use(watchFilters({ reader, definitions, filters, prepare, logger }))

  const observer = stack.use(observeIngest(reader, clock))
  const ingestStatus = (): IngestStatus | undefined =>
    ingest === undefined || ingest.status?.state === 'standby'
      ? (observer.status() ?? ingest?.status)
      : ingest.status
  const registry = config.roles.has('serve')
    ? createRegistry(identity.publisherDid, feeds)
    : undefined
  const rankingObserver = stack.use(observeRankings(reader, rankings, clock))
  const rankingStatuses = () => rankingObserver.statuses()
  const rkeys = registry === undefined ? [] : definitions.map(({ rkey }) => rkey)
  const metrics = createMetrics({ ingestStatus, rankingStatuses, databaseProblem, clock, rkeys })
  const health = {
    version,
    startedUs: clock(),
    clock,
    startPositionUs: (await loadPosition(reader))?.timeUs ?? null,
    ingestStatus,
    rankingStatuses,
    answers: metrics.answers,
    databaseProblem,
  }
  const viewers = stack.use(
    await openViewers({
      ...{ reader, writes, clock, logger },
      serviceDid: identity.serviceDid,
      plcUrl: config.plcUrl,
      allowLocalNetwork: config.allowLocalNetwork,
      onWalk: (outcome, seconds) => metrics.followsWalked(outcome, seconds),
    }),
  )
  stack.use(dropChangedIdentities(ingestStatus, (did) => viewers.forgetIdentity(did)))
  const addressOf = createClientAddress(config.trustedProxies)
  const xrpc = registry && {
    ...{ identity, registry, metrics, logger, viewers },
    findPosts: createFindPosts(reader),
    addressOf,
    admit: createAdmitCaller({ viewers, addressOf }),
    resolveHandle: (handle: string) => viewers.resolveHandle(handle),
    clients: createClients({
      database: reader,
      retentionDays: config.retentionDays,
      trending: DEFAULT_TRENDING,
      clock,
      onServed: (generation) => served.note(generation),
      filterIdOf: (rkey) => filters.at(definitions.findIndex((feed) => feed.rkey === rkey)),
    }),
    activity: prepareActivityReading(reader),
    tagCounts: new TagCounts({
      statements: prepareTagStatements(reader),
      retentionDays: config.retentionDays,
      clock,
    }),
    version: () => reader.version(),
  }
  const pages = stack.use(
    await openWebPages({
      ...{ version, identity, registry, definitions, filters, reader, health },
      ...{ feedsFile: config.feedsFile, retentionDays: config.retentionDays },
      allowLocalNetwork: config.allowLocalNetwork,
      readers: metrics.readers,
      tools: xrpc && {
        tagCounts: xrpc.tagCounts,
        explainPost: xrpc.clients.explainPost,
        readPostAddress: (text) => readPostAddress(text, xrpc.resolveHandle),
      },
      lookUp: openLookUp(config, { reader, metrics, logger }),
    }),
  )
  const framework = createHttpApp({
    ...{ identity, xrpc, health, metrics, pages, addressOf, logger },
  })
  const getFeedSkeleton = xrpc && stack.use(new GetFeedSkeleton(xrpc))
  const subscriptionServer =
    xrpc &&
    stack.use(
      new SubscriptionServer({
        subscribePosts: stack.use(new SubscribePosts(xrpc, createReadRecords(reader))),
        addressOf: xrpc.addressOf,
        logger,
      }),
    )
  const resources = stack.move()
  return {
    answerer: createAnswerer({ getFeedSkeleton, framework, metrics, logger }),
    subscriptionServer,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
