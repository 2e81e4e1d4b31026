import type { Us } from '../time.ts'

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
  /** How far the last new event was behind the clock when it was committed; undefined before the first. */
  readonly lagMs: number | undefined
  /** Nothing new has come over a good connection for a while: the stream is not late, whatever the lag. */
  readonly isSilent?: boolean
  /** Since when frames wait that cannot be stored, by our clock; undefined while none do. */
  readonly waitingSinceUs?: Us
  /** Why nothing is stored until our clock is right, in plain words. */
  readonly clockProblem?: string
  /** The last part of the stream that no host could send any more. */
  readonly gap?: { readonly fromUs: Us; readonly toUs: Us; readonly seenUs: Us }
  /** Such parts since the process started, and how long they were together. */
  readonly gapsTotal?: number
  readonly gapSecondsTotal?: number
  /** Accounts of which the stream told that their identity has changed: how many, and the latest. */
  readonly identities?: { readonly total: number; readonly latest: readonly string[] }
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
  /** Posts of accounts that are hidden; undefined until they have been counted. */
  readonly heldBackPosts?: number | undefined
  /** Why ingest stands still now, in plain words; it may name hosts and paths, and is not for strangers. */
  readonly problem: string | undefined
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
    gapsTotal: (former.gapsTotal ?? 0) + (status.gapsTotal ?? 0),
    gapSecondsTotal: (former.gapSecondsTotal ?? 0) + (status.gapSecondsTotal ?? 0),
  }
}
