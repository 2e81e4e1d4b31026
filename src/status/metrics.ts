import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { US_PER_SECOND } from '../time.ts'
import type { Clock } from '../time.ts'
import type { IngestStatus } from './ingestStatus.ts'
import type { RankingStatus } from './observeRankings.ts'

export interface Metrics {
  readonly contentType: string
  /** The Prometheus text. */
  text(): Promise<string>
  /** One answered request for a page. `feed` is a record key, or `unknown`. */
  pageServed(feed: string, status: number, seconds: number): void
  /** The client had left before its answer was made. */
  answerAbandoned(feed: string): void
  /** It took so long that the answer was an error. */
  answerLate(feed: string): void
  /** Turned away for want of time. `kind`: `reader` or `page`. */
  requestRefused(kind: string): void
  /** An interaction of a viewer that counts. `feed` is a record key, or `unknown`. */
  interaction(feed: string, event: string): void
  /** A reading of somebody's follows has ended. */
  followsWalked(outcome: 'whole' | 'failed', seconds: number): void
  /** A call to the AppView has ended. */
  appViewAsked(outcome: 'good' | 'failed' | 'limited'): void
  /** What readers have got since the start. */
  readonly readers: ReaderTotals
  /** The totals of the first three, of all feeds and kinds. */
  readonly answers: AnswerTotals
}

export interface AnswerTotals {
  readonly abandonedTotal: number
  readonly lateTotal: number
  readonly refusedTotal: number
}

export interface ReaderTotals {
  readonly servedTotal: number
  /** What the last answers took, in seconds, in no order; at most `MAX_RECENT`. */
  recentSeconds(): readonly number[]
}

export interface MetricSources {
  readonly ingestStatus: () => IngestStatus | undefined
  readonly rankingStatuses: () => readonly RankingStatus[]
  /** What has happened to the database file; undefined while all is well. */
  readonly databaseProblem?: () => string | undefined
  readonly clock: Clock
  /** The feeds that are served: what is counted of each is there from the start. */
  readonly rkeys?: readonly string[]
}

const WALK_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60]
const MAX_RECENT = 1_024
const PAGE_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

/** All metrics of the process. Labels come from closed sets only: feeds, statuses, reasons. */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const pages = new Histogram({
    name: 'feedgen_page_seconds',
    help: 'Time to answer getFeedSkeleton, by feed and HTTP status',
    labelNames: ['feed', 'status'],
    buckets: PAGE_BUCKETS,
    registers,
  })
  const counts = countAnswers(registers, sources.rkeys ?? [])
  const served = new Map<string, ReturnType<typeof pages.labels>>()
  const recent = new Float64Array(MAX_RECENT)
  let servedTotal = 0
  addIngestMetrics(registers, sources)
  addRankingMetrics(registers, sources)
  addDatabaseMetrics(registers, sources)
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    readers: {
      get servedTotal() {
        return servedTotal
      },
      recentSeconds: () => [...recent.subarray(0, Math.min(servedTotal, MAX_RECENT))],
    },
    pageServed: (feed, status, seconds) => {
      recent[servedTotal % MAX_RECENT] = seconds
      servedTotal += 1
      // Looking up a label set costs more than counting: those of good pages are kept.
      if (status === 200) {
        let child = served.get(feed)
        if (child === undefined) {
          child = pages.labels(feed, '200')
          served.set(feed, child)
        }
        child.observe(seconds)
      } else {
        pages.observe({ feed, status }, seconds)
      }
    },
    ...counts,
    ...countViewers(registers),
  }
}

/** What was not answered as it should be. */
function countAnswers(registers: Registry[], rkeys: readonly string[]) {
  const ofFeed = (name: string, help: string): Counter<'feed'> => {
    const counter = new Counter({ name, help, labelNames: ['feed'], registers })
    rkeys.forEach((feed) => counter.inc({ feed }, 0))
    return counter
  }
  const abandoned = ofFeed(
    'feedgen_answers_abandoned_total',
    'Requests for pages whose client left before the answer was made',
  )
  const late = ofFeed(
    'feedgen_answers_late_total',
    'Requests for pages that took over four seconds and were answered with 503',
  )
  const refused = new Counter({
    name: 'feedgen_requests_refused_total',
    help: 'Requests turned away with 429 for want of time, by kind',
    labelNames: ['kind'],
    registers,
  })
  const answers = { abandonedTotal: 0, lateTotal: 0, refusedTotal: 0 }
  return {
    answers: answers as AnswerTotals,
    answerAbandoned: (feed: string): void => {
      abandoned.inc({ feed })
      answers.abandonedTotal += 1
    },
    answerLate: (feed: string): void => {
      late.inc({ feed })
      answers.lateTotal += 1
    },
    requestRefused: (kind: string): void => {
      refused.inc({ kind })
      answers.refusedTotal += 1
    },
  }
}

/** What viewers do. */
function countViewers(registers: Registry[]) {
  const interactions = new Counter({
    name: 'feedgen_interactions_total',
    help: 'Interactions of viewers with posts of a feed, by event',
    labelNames: ['feed', 'event'],
    registers,
  })
  const walks = new Histogram({
    name: 'feedgen_follow_walk_seconds',
    help: 'Time to read the follows of a viewer from their repository, by outcome',
    labelNames: ['outcome'],
    buckets: WALK_BUCKETS,
    registers,
  })
  const asked = new Counter({
    name: 'feedgen_appview_calls_total',
    help: 'Calls to the AppView for what pages for people show, by outcome',
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of ['good', 'failed', 'limited']) {
    asked.inc({ outcome }, 0)
  }
  return {
    appViewAsked: (outcome: string): void => asked.inc({ outcome }),
    interaction: (feed: string, event: string): void => interactions.inc({ feed, event }),
    followsWalked: (outcome: 'whole' | 'failed', seconds: number): void =>
      walks.observe({ outcome }, seconds),
  }
}

type Value = (status: IngestStatus, nowUs: number) => number | undefined

const inSeconds = (us: number | undefined): number | undefined =>
  us === undefined ? undefined : us / US_PER_SECOND

const GAUGES: Readonly<Record<string, [help: string, value: Value]>> = {
  feedgen_ingest_connected: ['1 while the stream is connected', ({ connected }) => +connected],
  feedgen_ingest_position_seconds: [
    'Time of the committed position, seconds since 1970',
    ({ positionUs }) => (positionUs === undefined ? undefined : positionUs / US_PER_SECOND),
  ],
  feedgen_ingest_lag_seconds: [
    'How far the last event was behind our clock when it was committed',
    ({ lagMs }) => (lagMs === undefined ? undefined : lagMs / 1000),
  ],
  feedgen_ingest_buffered_frames: ['Frames read and not yet stored', ({ buffered }) => buffered],
  feedgen_held_back_posts: [
    'Posts of accounts that are hidden, counted every few minutes',
    ({ heldBackPosts }) => heldBackPosts,
  ],
  feedgen_ingest_waiting_seconds: [
    'For how long the oldest frame that is not stored has waited; 0 when none waits',
    ({ waitingSinceUs }, nowUs) => inSeconds(nowUs - (waitingSinceUs ?? nowUs)),
  ],
  feedgen_ingest_clock_wrong: [
    '1 while our clock is wrong and nothing is stored',
    ({ clockProblem }) => +(clockProblem !== undefined),
  ],
  feedgen_ingest_gap_from_seconds: [
    'Where a gap of the stream that no host can fill begins, seconds since 1970',
    ({ gap }) => inSeconds(gap?.fromUs),
  ],
  feedgen_ingest_gap_to_seconds: ['Where that gap ends', ({ gap }) => inSeconds(gap?.toUs)],
  feedgen_ingest_batch_seconds: ['Duration of the last batch', (s) => s.lastBatchMs / 1000],
}

const COUNTERS: Readonly<Record<string, [help: string, value: Value]>> = {
  feedgen_ingest_events_total: ['Frames read', ({ eventsTotal }) => eventsTotal],
  feedgen_ingest_future_total: ['Events far ahead of our clock', ({ futureTotal }) => futureTotal],
  feedgen_ingest_reconnects_total: ['Connections after the first', (s) => s.reconnectsTotal],
  feedgen_ingest_batches_total: ['Batches stored', ({ batchesTotal }) => batchesTotal],
  feedgen_ingest_operations_total: ['Operations stored', (status) => status.operationsTotal],
  feedgen_ingest_gaps_total: [
    'Parts of the stream that no host could send any more',
    ({ gapsTotal }) => gapsTotal,
  ],
  feedgen_ingest_gap_seconds_total: [
    'How long those parts were together',
    ({ gapSecondsTotal }) => gapSecondsTotal,
  ],
  feedgen_ingest_poisoned_total: ['Operations the database refused', (s) => s.poisonedTotal],
}

function addIngestMetrics(registers: Registry[], { ingestStatus, clock }: MetricSources): void {
  const valueNow = (value: Value): number | undefined => {
    const status = ingestStatus()
    return status === undefined ? undefined : value(status, clock())
  }
  for (const [name, [help, value]] of Object.entries(GAUGES)) {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers,
      collect: () => gauge.set(valueNow(value) ?? Number.NaN),
    })
  }
  // The totals are counted in the thread of ingest; here they are only told.
  for (const [name, [help, value]] of Object.entries(COUNTERS)) {
    const counter: Counter = new Counter({
      name,
      help,
      registers,
      collect: () => {
        counter.reset()
        counter.inc(valueNow(value) ?? 0)
      },
    })
  }
  const rejected: Counter<'reason'> = new Counter({
    name: 'feedgen_ingest_rejected_total',
    help: 'Frames passed over, by reason',
    labelNames: ['reason'],
    registers,
    collect: () => {
      rejected.reset()
      for (const [reason, count] of Object.entries(ingestStatus()?.rejectedByReason ?? {})) {
        rejected.inc({ reason }, count)
      }
    },
  })
}

const RANKING_GAUGES: Readonly<
  Record<
    string,
    [help: string, value: (status: RankingStatus, nowUs: number) => number | undefined]
  >
> = {
  feedgen_ranking_generation: ['Number of the generation that is served', (s) => s.generation],
  feedgen_ranking_age_seconds: [
    'Age of the generation that is served',
    ({ computedUs }, nowUs) =>
      computedUs === undefined ? undefined : (nowUs - computedUs) / US_PER_SECOND,
  ],
  feedgen_ranking_seconds: ['Duration of the last ranking', (s) => s.durationMs / 1000],
  feedgen_ranking_candidates: ['Posts that were read for the last ranking', (s) => s.candidates],
  feedgen_ranking_failing: [
    '1 while the ranking is not renewed',
    ({ problem }) => +(problem !== undefined),
  ],
}

function addRankingMetrics(registers: Registry[], { rankingStatuses, clock }: MetricSources): void {
  for (const [name, [help, value]] of Object.entries(RANKING_GAUGES)) {
    const gauge: Gauge<'feed'> = new Gauge({
      name,
      help,
      labelNames: ['feed'],
      registers,
      collect: () => {
        gauge.reset()
        for (const status of rankingStatuses()) {
          gauge.set({ feed: status.rkey }, value(status, clock()) ?? Number.NaN)
        }
      },
    })
  }
}

function addDatabaseMetrics(registers: Registry[], { databaseProblem }: MetricSources): void {
  const gauge: Gauge = new Gauge({
    name: 'feedgen_database_file_lost',
    help: '1 while the database file is not the one that was opened',
    registers,
    collect: () => gauge.set(+(databaseProblem?.() !== undefined)),
  })
}
