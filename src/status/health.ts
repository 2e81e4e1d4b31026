import { US_PER_SECOND, formatUs } from '../time.ts'
import type { Clock } from '../time.ts'
import { FRESHNESS_MS, FRESHNESS_US } from './freshness.ts'
import type { IngestStatus } from './ingestStatus.ts'
import type { AnswerTotals } from './metrics.ts'
import type { RankingStatus } from './observeRankings.ts'
import { plainCause } from './plainCause.ts'

export interface HealthOptions {
  readonly version: string
  readonly startedUs: number
  readonly clock: Clock
  /** The position that was committed when the process started; null when there was none. */
  readonly startPositionUs: number | null
  /** Of this process, or of the one that ingests; undefined when none has said anything lately. */
  readonly ingestStatus: () => IngestStatus | undefined
  readonly rankingStatuses: () => readonly RankingStatus[]
  readonly answers: AnswerTotals
  /** What has happened to the database file; undefined while all is well. */
  readonly databaseProblem?: () => string | undefined
}

const WRONG_CLOCK = 'the clock of this machine is wrong: nothing is stored until it is right'

/** What `/xrpc/_health` answers: 200 for as long as the process lives. */
export function healthOf(options: HealthOptions): object {
  const { version, startedUs, clock, startPositionUs, ingestStatus, answers } = options
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
      problem: (status && problemOf(status)) ?? null,
      ...(status?.gap && { gap: { fromUs: status.gap.fromUs, toUs: status.gap.toUs } }),
    },
    answers,
  }
}

/** Why ingest stands still, in words that tell a stranger nothing of the operator's. */
export function problemOf(status: IngestStatus): string | undefined {
  const { state, connected, problem, clockProblem } = status
  if (clockProblem !== undefined) {
    return WRONG_CLOCK
  }
  if (problem === undefined) {
    return undefined
  }
  switch (state) {
    case 'standby':
      return 'another process ingests: standing by'
    case 'waiting':
      return `ingest waits for the database: ${plainCause(problem)}`
    case 'starting':
    case 'active':
      return connected
        ? `what is read cannot be stored now: ${plainCause(problem)}`
        : `the stream cannot be read now: ${plainCause(problem)}`
  }
}

/** Why this process is not ready for readers, in plain words; empty when it is. */
export function unreadiness(options: HealthOptions): string[] {
  const unranked = options.rankingStatuses().filter(({ isLive }) => !isLive)
  const databaseProblem = options.databaseProblem?.()
  return [
    ...(databaseProblem === undefined ? [] : [databaseProblem]),
    ...unreadinessOfIngest(options),
    ...unranked.map(
      ({ rkey, problem }) =>
        `${rkey} has no ranking yet${problem === undefined ? '' : `: ${plainCause(problem)}`}`,
    ),
  ]
}

/** What is wrong without keeping readers from being served. */
export function warnings({ rankingStatuses, ingestStatus }: HealthOptions): string[] {
  const gap = ingestStatus()?.gap
  return [
    ...rankingStatuses().flatMap(({ rkey, isLive, problem }) =>
      !isLive || problem === undefined
        ? []
        : [`the ranking of ${rkey} is not renewed: ${plainCause(problem)}`],
    ),
    ...(gap === undefined
      ? []
      : [
          `the stream has a gap that no host can fill: what was posted or deleted from ` +
            `${formatUs(gap.fromUs)} to ${formatUs(gap.toUs)} was not read`,
        ]),
  ]
}

function unreadinessOfIngest({ ingestStatus, clock }: HealthOptions): string[] {
  const status = ingestStatus()
  if (status === undefined) {
    return ['ingest is starting, or no process has the role ingest']
  }
  const reasons = []
  const { connected, lastConnectedUs, lagMs, waitingSinceUs, problem, clockProblem } = status
  if (!connected && (lastConnectedUs === undefined || clock() - lastConnectedUs > FRESHNESS_US)) {
    reasons.push(
      `the stream is not connected${problem === undefined ? '' : `: ${plainCause(problem)}`}`,
    )
  }
  if (clockProblem !== undefined) {
    reasons.push(WRONG_CLOCK)
  }
  const waitedUs = waitingSinceUs === undefined ? 0 : clock() - waitingSinceUs
  if (waitedUs >= FRESHNESS_US) {
    reasons.push(
      `what was read has waited for ${Math.round(waitedUs / US_PER_SECOND)} s to be stored` +
        (problem === undefined ? '' : `: ${plainCause(problem)}`),
    )
  }
  if (lagMs === undefined) {
    reasons.push('no event has been committed yet')
  } else if (lagMs >= FRESHNESS_MS && status.isSilent !== true) {
    reasons.push(`the stream is ${Math.round(lagMs / 1000)} s behind`)
  }
  return reasons
}
