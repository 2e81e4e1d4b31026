import { openRole } from '../db/openDatabase.ts'
import type { RankingDefinition } from '../feeds/rankingKey.ts'
import { silentLogger } from '../logger.ts'
import { systemClock } from '../time.ts'
import { RankingStore } from './materialize.ts'
import { Ranker } from './ranker.ts'

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
  await using database = await openRole({ databaseUrl, role: 'rank', signal, onWaiting: () => {} })
  if (database === undefined || (await new RankingStore(database).current(ranking.key))) {
    return
  }
  const logger = silentLogger()
  const rankings = [ranking]
  const clock = systemClock
  await new Ranker({ database, rankings, retentionDays, logger, clock }).runDue()
}
