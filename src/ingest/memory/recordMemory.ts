import type { WriteDatabase } from '../../db/database.ts'
import type { Logger } from '../../logger.ts'
import { US_PER_MS } from '../../time.ts'
import type { Us } from '../../time.ts'
import type { Operation } from '../events/operations.ts'
import { KeptPosts } from './keptPosts.ts'
import { KnownRecords } from './knownRecords.ts'
import { noteOperation } from './noteOperation.ts'
import { WriterClaim } from './writerClaim.ts'

export interface RecordMemoryOptions {
  readonly database: WriteDatabase
  /** Engagement with older posts is not counted. */
  readonly windowUs: Us
  /** The earlier of our clock and the stream: the window ends here. */
  readonly reachedUs: (nowUs: Us) => Us
  /** Posts that feeds show: what is erased of them is remembered even if they were never stored. */
  readonly pinned: readonly { readonly rkey: string }[]
  readonly logger: Logger
}

/** What may be relied on in one transaction. */
export interface Certainty {
  /**
   * Whether nothing is stored of the record of an operation, and no operation noted before it is on the
   * record. Yes is certain.
   */
  readonly isFirst: (op: Operation) => boolean
}

/** Rows of the store that are held in memory. */
export interface HeldRows {
  clear(): void
}

/** A clock that has gone so much faster or slower than time was set. */
const SET_US = 10_000_000
/** At most so often it is said that another process ingests too. */
const TOLD_EVERY_US = 60_000_000

/**
 * What ingest knows of the store without asking it, so that most frames cost it nothing: whether a post
 * may be kept, whether anything may be stored of a record, and the rows that were used last. The two sets
 * of keys may say yes where it is no; rows are as they are stored.
 *
 * It is always in one of three states:
 *
 * - *unclaimed*, at the start: another process may store records, and nobody would notice. No row is
 *   held, and no record is believed new.
 * - *claimed*, from the transaction on in which the claim to have stored last became ours. Rows that are
 *   held since then are relied on. The keys may lack what others stored before: no record is believed new.
 * - *read*, as soon as the keys have been read after that. All of it is relied on.
 *
 * `write` leaves each state by what it finds: the claim of another process leads back to *claimed*, a
 * transaction that fails to *unclaimed*, since nobody knows what of it is stored, and whether the claim
 * is. Both forget the rows and which operations came first. The keys stay until they are read again: what
 * was noted is stored or is not, and may be in them either way. Which marks are those of strangers is told
 * by the keys in every state, since each process notes what it reads itself.
 *
 * Everything here happens on one connection, one after the other: a batch is read and each of its
 * operations noted, then the batch is written, then comes other work.
 */
export class RecordMemory {
  readonly kept = new KeptPosts()
  readonly known = new KnownRecords()
  readonly #options: RecordMemoryOptions
  readonly #claim: WriterClaim
  readonly #rows: HeldRows[] = []
  /** Of the operations that were noted since the last transaction: those with nothing before them. */
  readonly #firsts = new Set<Operation>()
  #state: 'unclaimed' | 'claimed' | 'read' = 'unclaimed'
  /** How often another process was found to have stored records since this one did. */
  #intrusions = 0
  #toldIntrusions = 0
  #toldUs = Number.NEGATIVE_INFINITY
  /** Our clock, less time that nobody sets, when the posts were read. */
  #offsetUs = 0

  constructor(options: RecordMemoryOptions) {
    this.#options = options
    this.#claim = new WriterClaim(options.database)
  }

  /** Holds rows beside the keys: they are cleared whenever they may not be relied on any more. */
  hold<T extends HeldRows>(rows: T): T {
    this.#rows.push(rows)
    return rows
  }

  /** An operation is going to be stored with the next transaction. Called before the next frame is looked at. */
  note(op: Operation): void {
    if (noteOperation(op, this)) {
      this.#firsts.add(op)
    }
  }

  /**
   * Runs what changes records in one transaction, and hands it what may be relied on in it.
   * @throws what the transaction fails with
   */
  async write<T>(work: (certainty: Certainty) => Promise<T>): Promise<T> {
    try {
      const result = await this.#options.database.transaction(async () => {
        await this.#renewClaim()
        return await work({
          isFirst: (op) => this.#state === 'read' && this.#firsts.has(op),
        })
      })
      this.#firsts.clear()
      return result
    } catch (error) {
      this.#forget('unclaimed')
      throw error
    }
  }

  /** Begins anew with what is stored. */
  async load(nowUs: Us): Promise<void> {
    if (this.#state === 'unclaimed') {
      // Before anything is read: another process that stores something shows from here on.
      await this.write(() => Promise.resolve())
    }
    await this.#loadKept(nowUs)
    await this.#loadKnown()
    this.#state = 'read'
  }

  /** Loads again what is worthless now, or has grown by what is old. */
  async stepIfDue(nowUs: Us): Promise<boolean> {
    if (this.#state === 'claimed') {
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

  async #renewClaim(): Promise<void> {
    const wasOurs = await this.#claim.renew()
    if (this.#state !== 'unclaimed' && wasOurs) {
      return
    }
    this.#intrusions += this.#state === 'unclaimed' ? 0 : 1
    this.#forget('claimed')
  }

  #forget(state: 'unclaimed' | 'claimed'): void {
    this.#state = state
    this.#firsts.clear()
    this.#rows.forEach((rows) => rows.clear())
  }

  #tellIntrusions(nowUs: Us): void {
    const intrusions = this.#intrusions
    if (intrusions !== this.#toldIntrusions && Math.abs(nowUs - this.#toldUs) >= TOLD_EVERY_US) {
      this.#toldUs = nowUs
      this.#options.logger.warn(
        { event: 'ingestDisturbed', intrusions },
        'another process stores what it reads in this database too: nothing is lost, but both are ' +
          'slow; stop one of them',
      )
    }
    this.#toldIntrusions = intrusions
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
