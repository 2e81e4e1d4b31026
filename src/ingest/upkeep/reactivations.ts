/**
 * Accounts that are hidden as deactivated and go on writing. A relay asks the PDS of such an account and
 * passes its commits on, without telling that it is active again; so it is asked for here too. Ingest
 * never waits: a batch notes its doubts, questions run beside it, and what they come to is stored between
 * batches, as a word of our own that gives way to whatever the stream tells later.
 */
import { describeError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { Us } from '../../time.ts'
import type { SetAccount } from '../events/operations.ts'
import type { Doubt } from '../store/doubt.ts'

export interface ReactivationOptions {
  /** Whether the account is active on its own server. */
  readonly ask: (did: string) => Promise<boolean>
  readonly store: (ops: readonly SetAccount[], nowUs: Us) => Promise<void>
  readonly logger: Logger
}

const MAX_AT_ONCE = 2
const MAX_WAITING = 1_000
/** At most so many questions are begun. */
const ASK_EVERY_MS = 500
/** A DID is asked for again only after so long. */
const INACTIVE_KEPT_MS = 3_600_000
const FAILURE_KEPT_MS = 600_000
const MAX_REMEMBERED = 20_000

export class Reactivations {
  readonly #options: ReactivationOptions
  readonly #waiting = new Map<string, Doubt>()
  /** When a DID may be asked for again, by a clock that nobody sets. */
  readonly #notBeforeMs = new Map<string, number>()
  #found: SetAccount[] = []
  #asking = 0
  #nextMs = 0

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
    this.#askNext()
    if (this.#found.length === 0) {
      return false
    }
    const found = this.#found
    await this.#options.store(found, nowUs)
    this.#found = this.#found.slice(found.length)
    return true
  }

  #askNext(): void {
    const nowMs = performance.now()
    const isEarly = nowMs < this.#nextMs
    for (const [did, doubt] of isEarly || this.#asking >= MAX_AT_ONCE ? [] : this.#waiting) {
      this.#waiting.delete(did)
      if (nowMs >= (this.#notBeforeMs.get(did) ?? 0)) {
        this.#nextMs = nowMs + ASK_EVERY_MS
        void this.#ask(doubt)
        return
      }
    }
  }

  async #ask({ did, toldUs, seenUs }: Doubt): Promise<void> {
    const { ask, logger } = this.#options
    this.#asking += 1
    this.#remember(did, INACTIVE_KEPT_MS)
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
      this.#remember(did, FAILURE_KEPT_MS)
      const reason = describeError(error)
      logger.debug(
        { event: 'accountNotAsked', did, reason },
        `cannot ask for ${did} now: ${reason}; asked again in ten minutes if it goes on writing`,
      )
    } finally {
      this.#asking -= 1
    }
  }

  #remember(did: string, keptMs: number): void {
    if (this.#notBeforeMs.size >= MAX_REMEMBERED) {
      this.#notBeforeMs.clear()
    }
    this.#notBeforeMs.set(did, performance.now() + keptMs)
  }
}
