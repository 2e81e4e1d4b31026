/**
 * Accounts that are hidden as deactivated and go on writing. A relay asks the PDS of such an account and
 * passes its commits on, without telling that it is active again; so it is asked for here too. Ingest
 * never waits: a batch notes its doubts, questions run beside it, and what they come to is stored between
 * batches, as a word of our own that gives way to whatever the stream tells later.
 */
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Clock, Us } from '../time.ts'
import { US_PER_SECOND } from '../time.ts'
import type { SetAccount } from './rowOps.ts'

/** An account that is hidden as deactivated, and has written since. */
export interface Doubt {
  readonly did: string
  /** When it was told to be deactivated, and when it has written, by the clock of frames. */
  readonly toldUs: Us
  readonly seenUs: Us
}

export interface ReactivationOptions {
  /** Whether the account is active on its own server. */
  readonly ask: (did: string) => Promise<boolean>
  readonly store: (ops: readonly SetAccount[], nowUs: Us) => Promise<void>
  readonly clock: Clock
  readonly logger: Logger
}

/** Commits that were under way when the account was deactivated are no doubt. */
export const DOUBT_AFTER_US = 60 * US_PER_SECOND

const MAX_AT_ONCE = 2
const MAX_WAITING = 1_000
/** At most so many questions are begun. */
const ASK_EVERY_US = US_PER_SECOND / 2
/** A DID is asked for again only after so long. */
const INACTIVE_KEPT_US = 3_600 * US_PER_SECOND
const FAILURE_KEPT_US = 600 * US_PER_SECOND
const MAX_REMEMBERED = 20_000

export class Reactivations {
  readonly #options: ReactivationOptions
  readonly #waiting = new Map<string, Doubt>()
  /** When a DID may be asked for again, by our clock. */
  readonly #notBeforeUs = new Map<string, Us>()
  #found: SetAccount[] = []
  #asking = 0
  #nextUs = 0

  constructor(options: ReactivationOptions) {
    this.#options = options
  }

  note(doubt: Doubt): void {
    const isKnown = this.#waiting.has(doubt.did)
    if (isKnown || this.#waiting.size < MAX_WAITING) {
      this.#waiting.set(doubt.did, doubt)
    }
  }

  dueInMs(): number | undefined {
    return this.#found.length > 0 ? 0 : undefined
  }

  /** Begins a question when one is due, and stores what others have come to. */
  async stepIfDue(nowUs: Us): Promise<boolean> {
    this.#askNext(nowUs)
    if (this.#found.length === 0) {
      return false
    }
    const found = this.#found
    await this.#options.store(found, nowUs)
    this.#found = this.#found.slice(found.length)
    return true
  }

  #askNext(nowUs: Us): void {
    const isEarly = nowUs < this.#nextUs && this.#nextUs - nowUs <= ASK_EVERY_US
    for (const [did, doubt] of isEarly || this.#asking >= MAX_AT_ONCE ? [] : this.#waiting) {
      this.#waiting.delete(did)
      if (nowUs >= (this.#notBeforeUs.get(did) ?? 0)) {
        this.#nextUs = nowUs + ASK_EVERY_US
        void this.#ask(doubt)
        return
      }
    }
  }

  async #ask({ did, toldUs, seenUs }: Doubt): Promise<void> {
    const { ask, clock, logger } = this.#options
    this.#asking += 1
    this.#remember(did, clock() + INACTIVE_KEPT_US)
    try {
      if (await ask(did)) {
        const found = { active: true, status: undefined, toldUs: seenUs, time: -1 }
        this.#found.push({
          kind: 'setAccount',
          did,
          ...found,
          timeUs: seenUs,
          foundSinceUs: toldUs,
        })
        logger.debug({ event: 'accountFoundActive', did }, `${did} is active on its own server`)
        logger.info(
          { event: 'accountFoundActive' },
          'an account that is hidden as deactivated writes, and is active on its own server: shown again',
        )
      }
    } catch (error) {
      this.#remember(did, clock() + FAILURE_KEPT_US)
      const reason = describeError(error)
      logger.debug(
        { event: 'accountNotAsked', did, reason },
        `cannot ask for ${did} now: ${reason}; asked again in ten minutes if it goes on writing`,
      )
    } finally {
      this.#asking -= 1
    }
  }

  #remember(did: string, notBeforeUs: Us): void {
    if (this.#notBeforeUs.size >= MAX_REMEMBERED) {
      this.#notBeforeUs.clear()
    }
    this.#notBeforeUs.set(did, notBeforeUs)
  }
}
