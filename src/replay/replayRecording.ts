import type { WriteDatabase } from '../db/database.ts'
import { openRole } from '../db/openDatabase.ts'
import { startIngest } from '../ingest/startIngest.ts'
import { createRecordingSource } from '../ingest/stream/recordingSource.ts'
import { createLogger } from '../logger.ts'
import { prepareDatabase } from '../service/prepareDatabase.ts'
import { ingestOptions } from '../service/setup.ts'
import type { Setup } from '../service/setup.ts'
import { loadPosition } from '../status/loadPosition.ts'
import { countOf } from '../texts/countOf.ts'
import { formatUs, systemClock } from '../time.ts'

export interface ReplayOptions {
  readonly setup: Setup
  /** In place of the one of the setup. */
  readonly databaseUrl: string
  /** Whether somebody goes on with the database. */
  readonly isKept: boolean
  readonly signal: AbortSignal
  /** Another process ingests into the database: it is waited for. */
  readonly onWaiting: (reason: string) => void
}

/** Puts a recording through ingest into a database, and tells in lines what came of it. */
export async function replayRecording(file: string, options: ReplayOptions): Promise<string[]> {
  const { databaseUrl, isKept, signal, onWaiting } = options
  const { config, definitions } = options.setup
  const setup: Setup = {
    config: { ...config, databaseUrl, databaseReadUrls: [] },
    definitions,
  }
  const logger = createLogger({ level: 'error', pretty: false })
  const filters = await prepareDatabase(setup, { logger, signal })
  await using database = await openRole({ databaseUrl, role: 'ingest', signal, onWaiting })
  if (database === undefined) {
    return []
  }
  const before = await loadPosition(database)
  const source = createRecordingSource(file)
  const clock = systemClock
  const ingest = startIngest(ingestOptions(setup), { database, logger, signal, clock, source })
  await ingest.done
  const { eventsTotal, operationsTotal, rejectedByReason, positionUs } = ingest.status()
  const feeds = []
  for (const [index, { rkey }] of definitions.entries()) {
    feeds.push(`${rkey}: ${countOf(await countPosts(database, filters.at(index)), 'post')}`)
  }
  return [
    `${countOf(eventsTotal, 'frame')} read, ${countOf(operationsTotal, 'operation')} stored`,
    ...Object.entries(rejectedByReason).map(([reason, count]) => `${count} rejected: ${reason}`),
    ...feeds,
    isKept
      ? `position ${describePosition(before?.timeUs)} before, ${describePosition(positionUs)} now`
      : `position ${describePosition(positionUs)}, in a database that is thrown away`,
  ]
}

function describePosition(positionUs: number | undefined): string {
  return positionUs === undefined ? 'none' : formatUs(positionUs)
}

async function countPosts(database: WriteDatabase, filterId: number): Promise<number> {
  const { count } = await database.kysely
    .selectFrom('filter_post')
    .select(({ fn }) => fn.countAll<number | string>().as('count'))
    .where('filter_id', '=', filterId)
    .executeTakeFirstOrThrow()
  return Number(count)
}
