import type { ReadDatabase } from '../db/database.ts'
import type { RankingDefinition } from '../feeds/rankingDefinition.ts'
import { US_PER_SECOND } from '../time.ts'
import type { Clock, Us } from '../time.ts'
import { FRESHNESS_US } from './freshness.ts'

/** How the ranking of a feed is doing. */
export interface RankingStatus {
  readonly rkey: string
  /** The generation that is served; undefined before the first. */
  readonly generation: number | undefined
  /** Whether it has ever been made of a stream that was not behind. */
  readonly isLive: boolean
  /** When that generation was made. */
  readonly computedUs: Us | undefined
  readonly candidates: number
  readonly durationMs: number
  /** Why the ranking is not made anew; undefined when all is well. */
  readonly problem: string | undefined
}

export interface RankingObserver extends Disposable {
  /** In the order of the rankings; none has a generation until the store has been looked at. */
  statuses(): readonly RankingStatus[]
}

const LOOK_EVERY_MS = 500
/** While a service waits to be ready for its first rankings. */
const LOOK_SOON_MS = 100

/** Follows, through the store, the rankings that this or another process makes. */
export function observeRankings(
  reader: ReadDatabase,
  rankings: readonly RankingDefinition[],
  clock: Clock,
): RankingObserver {
  let statuses = rankings.map((ranking) => statusOf(ranking, undefined, clock()))
  let timer: NodeJS.Timeout | undefined
  let isDisposed = false

  async function look(): Promise<void> {
    try {
      const rows = await readRankings(reader, rankings)
      statuses = rankings.map((ranking) =>
        statusOf(
          ranking,
          rows.find(({ key }) => key === ranking.key),
          clock(),
        ),
      )
    } catch {
      // The database is out of reach: pages say so.
    }
    if (!isDisposed) {
      const waitMs = statuses.every(({ isLive }) => isLive) ? LOOK_EVERY_MS : LOOK_SOON_MS
      timer = setTimeout(() => void look(), waitMs).unref()
    }
  }

  if (rankings.length > 0) {
    void look()
  }
  return {
    statuses: () => statuses,
    [Symbol.dispose]: () => {
      isDisposed = true
      clearTimeout(timer)
    },
  }
}

type RankingRow = Awaited<ReturnType<typeof readRankings>>[number]

function readRankings(reader: ReadDatabase, rankings: readonly RankingDefinition[]) {
  return reader.kysely
    .selectFrom('ranking')
    .leftJoin('generation', 'generation.id', 'ranking.generation')
    .select(['ranking.key', 'ranking.generation', 'ranking.candidates', 'ranking.duration_ms'])
    .select(['ranking.live', 'ranking.problem', 'ranking.checked_us', 'generation.computed_us'])
    .where(
      'ranking.key',
      'in',
      rankings.map(({ key }) => key),
    )
    .execute()
}

function statusOf(
  { rkey, options }: RankingDefinition,
  row: RankingRow | undefined,
  nowUs: Us,
): RankingStatus {
  const lateUs = nowUs - (row?.checked_us ?? nowUs) - options.refreshSeconds * US_PER_SECOND
  const late = lateUs > FRESHNESS_US ? 'no process makes it anew' : undefined
  return {
    rkey,
    generation: row?.generation ?? undefined,
    isLive: row?.live === 1,
    computedUs: row?.computed_us ?? undefined,
    candidates: row?.candidates ?? 0,
    durationMs: row?.duration_ms ?? 0,
    problem: row?.problem ?? late,
  }
}
