import type { RankingStatus } from '../feeds/observeRankings.ts'
import type { IngestStatus } from '../ingestStatus.ts'
import type { Clock } from '../time.ts'
import { US_PER_SECOND } from '../time.ts'

export interface HealthOptions {
  readonly version: string
  readonly startedUs: number
  readonly clock: Clock
  /** The position that was committed when the process started; null when there was none. */
  readonly startPositionUs: number | null
  /** Of this process, or of the one that ingests; undefined when none has said anything lately. */
  readonly ingestStatus: () => IngestStatus | undefined
  readonly rankingStatuses: () => readonly RankingStatus[]
}

const MAX_LAG_MS = 60_000
const MAX_GONE_US = 60 * US_PER_SECOND

/** What `/xrpc/_health` answers: 200 for as long as the process lives. */
export function healthOf(options: HealthOptions): object {
  const { version, startedUs, clock, startPositionUs, ingestStatus } = options
  const status = ingestStatus()
  return {
    version,
    uptimeSeconds: Math.floor((clock() - startedUs) / US_PER_SECOND),
    ingest: {
      connected: status?.connected ?? false,
      host: status?.host ?? null,
      positionUs: status?.positionUs ?? startPositionUs,
      lagMs: status?.lagMs ?? null,
      eventsTotal: status?.eventsTotal ?? 0,
      rejectedTotal: status?.rejectedTotal ?? 0,
      reconnectsTotal: status?.reconnectsTotal ?? 0,
      problem: status?.problem ?? null,
    },
  }
}

/** Why this process is not ready for readers, in plain words; empty when it is. */
export function unreadiness(options: HealthOptions): string[] {
  const unranked = options.rankingStatuses().filter(({ isLive }) => !isLive)
  return [
    ...unreadinessOfIngest(options),
    ...unranked.map(
      ({ rkey, problem }) =>
        `${rkey} has no ranking yet${problem === undefined ? '' : `: ${problem}`}`,
    ),
  ]
}

/** What is wrong without keeping readers from being served. */
export function warnings({ rankingStatuses }: HealthOptions): string[] {
  return rankingStatuses().flatMap(({ rkey, isLive, problem }) =>
    !isLive || problem === undefined ? [] : [`the ranking of ${rkey} is not renewed: ${problem}`],
  )
}

function unreadinessOfIngest({ ingestStatus, clock }: HealthOptions): string[] {
  const status = ingestStatus()
  if (status === undefined) {
    return ['ingest is starting, or no process has the role ingest']
  }
  const reasons = []
  const { connected, lastConnectedUs, lagMs, problem } = status
  if (!connected && (lastConnectedUs === undefined || clock() - lastConnectedUs > MAX_GONE_US)) {
    reasons.push(`the stream is not connected${problem === undefined ? '' : `: ${problem}`}`)
  }
  if (lagMs === undefined) {
    reasons.push('no event has been committed yet')
  } else if (lagMs >= MAX_LAG_MS) {
    reasons.push(`the stream is ${Math.round(lagMs / 1000)} s behind`)
  }
  return reasons
}
