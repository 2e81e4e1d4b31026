import type { WriteDatabase } from '../../db/database.ts'
import type { Logger } from '../../logger.ts'
import { US_PER_MS } from '../../time.ts'
import type { Us } from '../../time.ts'
import { KeptPosts } from './keptPosts.ts'
import { KnownRecords } from './knownRecords.ts'
import type { WriterClaim } from './writerClaim.ts'

export interface IngestMemoryOptions {
  readonly database: WriteDatabase
  /** Engagement with older posts is not counted. */
  readonly windowUs: Us
  /** The earlier of our clock and the stream: the window ends here. */
  readonly reachedUs: (nowUs: Us) => Us
  readonly claim: Pick<WriterClaim, 'losses' | 'intrusions' | 'confirm'>
  /** Posts that feeds show: what is erased of them is remembered even if they were never stored. */
  readonly pinned: readonly { readonly rkey: string }[]
  readonly logger: Logger
}

/** A clock that has gone so much faster or slower than time was set. */
const SET_US = 10_000_000
/** At most so often it is said that another process ingests too. */
const TOLD_EVERY_US = 60_000_000

/**
 * What ingest knows of the store without asking it, so that most frames cost it nothing: whether a post
 * may be one of ours, and whether anything is stored of a record. Both may say yes where it is no.
 */
export class IngestMemory {
  readonly kept = new KeptPosts()
  readonly known = new KnownRecords()
  readonly #options: IngestMemoryOptions
  #losses = 0
  #intrusions = 0
  #toldUs = Number.NEGATIVE_INFINITY
  /** Our clock, less time that nobody sets, when the posts were read. */
  #offsetUs = 0

  constructor(options: IngestMemoryOptions) {
    this.#options = options
  }

  /** Begins anew with what is stored; this process has to be the last that has stored anything. */
  async load(nowUs: Us): Promise<void> {
    const { claim } = this.#options
    const { losses } = claim
    await this.#loadKept(nowUs)
    await this.#loadKnown()
    this.#losses = losses
    claim.confirm(losses)
  }

  /** Loads again what is worthless now, or has grown by what is old. */
  async stepIfDue(nowUs: Us): Promise<boolean> {
    const { claim } = this.#options
    if (claim.losses !== this.#losses) {
      this.#tellIntrusions(nowUs)
      await this.load(nowUs)
      return true
    }
    if (this.kept.isStale || Math.abs(offsetOf(nowUs) - this.#offsetUs) >= SET_US) {
      await this.#loadKept(nowUs)
      return true
    }
    if (this.known.isStale) {
      await this.#loadKnown()
      return true
    }
    return false
  }

  #tellIntrusions(nowUs: Us): void {
    const { claim, logger } = this.#options
    if (claim.intrusions !== this.#intrusions && Math.abs(nowUs - this.#toldUs) >= TOLD_EVERY_US) {
      this.#toldUs = nowUs
      logger.warn(
        { event: 'ingestDisturbed', intrusions: claim.intrusions },
        'another process stores what it reads in this database too: nothing is lost, but both are ' +
          'slow; stop one of them',
      )
    }
    this.#intrusions = claim.intrusions
  }

  async #loadKnown(): Promise<void> {
    const { database, pinned } = this.#options
    await this.known.load(database)
    pinned.forEach(({ rkey }) => this.known.add(rkey))
  }

  async #loadKept(nowUs: Us): Promise<void> {
    const { database, windowUs, reachedUs } = this.#options
    const untilUs = reachedUs(nowUs)
    await this.kept.load(database, { sinceUs: untilUs - windowUs, untilUs })
    this.#offsetUs = offsetOf(nowUs)
  }
}

function offsetOf(nowUs: Us): Us {
  return nowUs - performance.now() * US_PER_MS
}
