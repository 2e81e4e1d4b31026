import { openReader, openRole } from '../db/openDatabase.ts'
import type { RankingDefinition } from '../feeds/rankingDefinition.ts'
import { silentLogger } from '../logger.ts'
import { systemClock } from '../time.ts'
import { Ranker } from './ranker.ts'
import { RankingStore } from './rankingStore.ts'

export interface RankOnceOptions {
  readonly databaseUrl: string
  readonly ranking: RankingDefinition
  readonly retentionDays: number
  readonly signal: AbortSignal
}

/**
 * Makes the first generation of a ranking that has none, so that a feed can be looked at while no
 * service runs; waits for the process that ranks, if there is one.
 */
export async function rankOnce(options: RankOnceOptions): Promise<void> {
  const { databaseUrl, ranking, retentionDays, signal } = options
  // A service that ranks never gives up its role: what it has made is looked at without it.
  if (await isRanked(databaseUrl, ranking.key)) {
    return
  }
  await using database = await openRole({ databaseUrl, role: 'rank', signal, onWaiting: () => {} })
  if (database === undefined || (await new RankingStore(database).current(ranking.key))) {
    return
  }
  const logger = silentLogger()
  const rankings = [ranking]
  const clock = systemClock
  await new Ranker({ database, rankings, retentionDays, logger, clock }).runDue()
}

async function isRanked(databaseUrl: string, key: string): Promise<boolean> {
  await using reader = await openReader(databaseUrl)
  const ranking = await reader.kysely
    .selectFrom('ranking')
    .select('key')
    .where('key', '=', key)
    .where('generation', 'is not', null)
    .executeTakeFirst()
  return ranking !== undefined
}
