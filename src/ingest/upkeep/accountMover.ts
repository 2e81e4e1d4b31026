import type { Us } from '../../time.ts'
import { AccountSteps, STEP } from '../store/accountSteps.ts'
import type { RecordStore } from '../store/recordStore.ts'

export interface AccountMoverOptions {
  readonly store: RecordStore
  /** Rows that are looked at at once, for one account. */
  readonly step?: number
}

/** A turn is over after so long: a batch that has come meanwhile waits for no more. */
const TURN_MS = 10
/** Turns take at most a fifth of the time, so that nobody whose accounts come and go holds up the stream. */
const REST = 4
const MIN_REST_MS = 10

/** Moves the rows of accounts that have come or gone, an account after the other, between batches. */
export class AccountMover {
  readonly #options: AccountMoverOptions
  readonly #steps: AccountSteps
  #nextMs = 0
  #last = ''

  constructor(options: AccountMoverOptions) {
    this.#options = options
    this.#steps = new AccountSteps(options.store, options.step ?? STEP)
  }

  /** When a turn is due, in milliseconds; undefined when there is nothing to do. */
  dueInMs(): number | undefined {
    return this.#options.store.moves.isEmpty
      ? undefined
      : Math.max(0, this.#nextMs - performance.now())
  }

  async stepIfDue(nowUs: Us): Promise<boolean> {
    const startMs = performance.now()
    if (this.#options.store.moves.isEmpty || startMs < this.#nextMs) {
      return false
    }
    // Set ahead: a turn that fails is not tried again at once.
    this.#nextMs = startMs + 1_000
    await this.turn(nowUs, startMs + TURN_MS)
    const endMs = performance.now()
    this.#nextMs = endMs + Math.max(MIN_REST_MS, REST * (endMs - startMs))
    return true
  }

  /** A turn, due or not: one step at least, of one account after the other. */
  async turn(nowUs: Us, untilMs: number): Promise<void> {
    const { store } = this.#options
    await store.write({ nowUs }, async () => {
      do {
        await this.#round(nowUs, untilMs)
      } while (!store.moves.isEmpty && performance.now() < untilMs)
    })
  }

  /** A step for each account; the next round begins where time was up. */
  async #round(nowUs: Us, untilMs: number): Promise<void> {
    const { store } = this.#options
    const dids = store.moves.after(this.#last)
    const accounts = await store.accounts.load(dids)
    for (const did of dids) {
      await this.#steps.step(did, accounts, nowUs)
      this.#last = did
      if (performance.now() >= untilMs) {
        break
      }
    }
    await store.moves.save(accounts)
  }
}
