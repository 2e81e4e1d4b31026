import type { Us } from './time.ts'

/** What ingest tells about itself: to health, readiness, metrics and the page for people. */
export interface IngestStatus {
  /** `waiting`: for the database. `standby`: another process ingests. */
  readonly state: 'starting' | 'active' | 'waiting' | 'standby'
  readonly connected: boolean
  /** The host that is connected, or was last. */
  readonly host: string | undefined
  /** When the stream was last connected, by our clock; undefined before the first time. */
  readonly lastConnectedUs: Us | undefined
  /** The committed position; undefined before there is one. */
  readonly positionUs: Us | undefined
  /** How far the last event was behind the clock when it was committed; undefined before the first. */
  readonly lagMs: number | undefined
  readonly eventsTotal: number
  readonly rejectedTotal: number
  readonly rejectedByReason: Readonly<Record<string, number>>
  /** Events whose time was far ahead of our clock. */
  readonly futureTotal: number
  readonly reconnectsTotal: number
  readonly batchesTotal: number
  readonly operationsTotal: number
  /** Operations that the database refused one by one. */
  readonly poisonedTotal: number
  /** Frames read and not yet stored. */
  readonly buffered: number
  /** Duration of the last batch that was stored. */
  readonly lastBatchMs: number
  /** Why ingest stands still now, in plain words; it may name hosts and paths, and is not for strangers. */
  readonly problem: string | undefined
  /** When the oldest frame was read that is not stored yet, by our clock; left out when none waits. */
  readonly waitingSinceUs?: Us | undefined
  /** Our clock is wrong, in plain words: nothing is stored until it is right. */
  readonly clockProblem?: string | undefined
  /** Events that no host can send any more: what was between the two was never read. */
  readonly gap?: { readonly fromUs: Us; readonly toUs: Us; readonly seenUs: Us } | undefined
}

/** The status of a thread that has taken over from another one: totals count on. */
export function addTotals(former: IngestStatus, status: IngestStatus): IngestStatus {
  const rejectedByReason = { ...former.rejectedByReason }
  for (const [reason, count] of Object.entries(status.rejectedByReason)) {
    rejectedByReason[reason] = (rejectedByReason[reason] ?? 0) + count
  }
  return {
    ...status,
    lastConnectedUs: status.lastConnectedUs ?? former.lastConnectedUs,
    eventsTotal: former.eventsTotal + status.eventsTotal,
    rejectedTotal: former.rejectedTotal + status.rejectedTotal,
    rejectedByReason,
    futureTotal: former.futureTotal + status.futureTotal,
    reconnectsTotal: former.reconnectsTotal + status.reconnectsTotal,
    batchesTotal: former.batchesTotal + status.batchesTotal,
    operationsTotal: former.operationsTotal + status.operationsTotal,
    poisonedTotal: former.poisonedTotal + status.poisonedTotal,
  }
}
