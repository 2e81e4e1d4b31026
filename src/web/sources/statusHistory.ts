import type { IngestStatus } from '../../status/ingestStatus.ts'
import type { ReaderTotals } from '../../status/metrics.ts'
import { US_PER_SECOND } from '../../time.ts'
import type { Clock, Us } from '../../time.ts'

/** How the service was during a minute. What is not known is undefined. */
export interface StatusSample {
  readonly atUs: Us
  readonly eventsPerSecond: number | undefined
  readonly lagMs: number | undefined
  readonly batchMs: number | undefined
  readonly answersPerMinute: number
  readonly databaseBytes: number | undefined
}

export interface StatusHistoryOptions {
  readonly clock: Clock
  readonly ingestStatus: () => IngestStatus | undefined
  readonly readers: ReaderTotals
  readonly databaseBytes: () => Promise<number | undefined>
}

const SAMPLE_EVERY_MS = 60_000
const MAX_SAMPLES = 24 * 60

/** What this process remembers of its last day: a sample a minute, gone when it ends. */
export class StatusHistory implements Disposable {
  readonly samples: StatusSample[] = []
  readonly sinceUs: Us
  readonly #options: StatusHistoryOptions
  readonly #timer: NodeJS.Timeout
  #before: { readonly atUs: Us; readonly events: number | undefined; readonly served: number }

  constructor(options: StatusHistoryOptions) {
    this.#options = options
    this.sinceUs = options.clock()
    this.#before = this.#totals()
    this.#timer = setInterval(() => void this.sample(), SAMPLE_EVERY_MS).unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  async sample(): Promise<void> {
    const { ingestStatus, databaseBytes } = this.#options
    // The database may be out of reach: the page says so elsewhere.
    const bytes = await databaseBytes().catch(() => undefined)
    const now = this.#totals()
    const { atUs, events, served } = this.#before
    this.#before = now
    const seconds = (now.atUs - atUs) / US_PER_SECOND
    if (seconds <= 0) {
      return
    }
    const status = ingestStatus()
    const isCounted = events !== undefined && now.events !== undefined && now.events >= events
    this.samples.push({
      atUs: now.atUs,
      eventsPerSecond: isCounted ? (Number(now.events) - events) / seconds : undefined,
      lagMs: status?.lagMs,
      batchMs: status?.lastBatchMs,
      answersPerMinute: ((now.served - served) * 60) / seconds,
      databaseBytes: bytes,
    })
    if (this.samples.length > MAX_SAMPLES) {
      this.samples.shift()
    }
  }

  #totals() {
    const { clock, ingestStatus, readers } = this.#options
    return {
      atUs: clock(),
      events: ingestStatus()?.eventsTotal,
      served: readers.servedTotal,
    }
  }
}
