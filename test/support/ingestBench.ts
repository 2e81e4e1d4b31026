import type { WriteDatabase } from '../../src/db/database.ts'
import { openWriter } from '../../src/db/openDatabase.ts'
import { migrate } from '../../src/db/upgrade/migrate.ts'
import { startIngest } from '../../src/ingest/startIngest.ts'
import type { Ingest, IngestOptions } from '../../src/ingest/startIngest.ts'
import { createLogger } from '../../src/logger.ts'
import { temporaryFolder } from './databases.ts'
import { openJetstreamServer } from './jetstreamServer.ts'
import type { JetstreamServer } from './jetstreamServer.ts'
import type { LogLine } from './runApp.ts'
import { serviceDatabaseUrl } from './serviceDatabase.ts'

/** The real loop on real streams and a real database, in this process; time and clocks are a test's own. */
export interface IngestBench {
  readonly servers: readonly JetstreamServer[]
  readonly server: JetstreamServer
  readonly database: WriteDatabase
  readonly url: string
  readonly logs: LogLine[]
  /** How much more time has passed than has really. */
  passedUs: number
  /** How far our clock is ahead of what is right. */
  wrongUs: number
  /** What the time is. */
  now(): number
  start(options?: Partial<IngestOptions>): Ingest
  /** Ends what was started, as a signal does. */
  stop(): Promise<void>
  stored(): Promise<string[]>
}

export async function openIngestBench(
  stack: AsyncDisposableStack,
  hosts = 1,
): Promise<IngestBench> {
  const folder = stack.use(temporaryFolder())
  const url = await serviceDatabaseUrl(folder.path)
  const database = stack.use(await openWriter(url, { lockTimeoutMs: 50 }))
  await migrate(database)
  const time = { passedUs: 0, wrongUs: 0 }
  const now = (): number => Date.now() * 1000 + time.passedUs
  const servers: JetstreamServer[] = []
  for (let host = 0; host < hosts; host += 1) {
    servers.push(stack.use(await openJetstreamServer({ nowUs: now })))
  }
  const logs: LogLine[] = []
  const write = (line: string): number => logs.push(JSON.parse(line) as LogLine)
  const logger = createLogger({ level: 'info', pretty: false, destination: { write } })
  let stop = new AbortController()
  let ingest: Ingest | undefined
  const bench: IngestBench = Object.assign(time, {
    ...{ servers, server: servers[0] as JetstreamServer, database, url, logs, now },
    start: (options: Partial<IngestOptions> = {}) => {
      stop = new AbortController()
      ingest = startIngest(
        {
          databaseUrl: url,
          jetstreamUrls: servers.map((server) => server.url),
          idleMs: 60_000,
          backfillHours: 2,
          retentionDays: 30,
          windowHours: 72,
          onlyTags: undefined,
          pinned: [],
          ...options,
        },
        { database, logger, clock: () => now() + bench.wrongUs, signal: stop.signal },
      )
      ingest.done.catch(() => {})
      return ingest
    },
    stop: async () => {
      stop.abort()
      await ingest?.done
    },
    stored: async () => {
      const rows = await database.kysely
        .selectFrom('post_tag')
        .select('uri')
        .orderBy('indexed_at', 'desc')
        .execute()
      return rows.map(({ uri }) => uri)
    },
  })
  stack.defer(async () => {
    stop.abort()
    await ingest?.done.catch(() => {})
  })
  return bench
}
