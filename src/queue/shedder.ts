import type { Asked } from './clientConnection.ts'

/** `page`: for people, and metrics: turned away first. */
export type RequestKind = 'reader' | 'page'

/** Who would wait longer than this is turned away when he comes. */
const WELCOME_MS: Readonly<Record<RequestKind, number>> = { reader: 1_000, page: 250 }
/** Who has waited longer than this, against all expectation, is turned away as well. */
const TOO_LONG_MS: Readonly<Record<RequestKind, number>> = { reader: 1_500, page: 500 }
/** A guess, before anything has been measured. */
const FIRST_GUESS_MS = 0.1
/** How many answers it takes for the guess to follow them. */
const MEMORY = 100
/** Shorter than this, nobody's wait for being accepted is worth counting. */
const SHORT_ACCEPTING_MS = 700
/** So few are soon answered, also after a moment in which the whole process stood still. */
const FEW = 20

/** Knows how long a request has waited, and guesses how long it will wait. */
export class Shedder {
  /** What an answer takes by itself. */
  #ownMs = FIRST_GUESS_MS
  /** What it takes with all that is done between two answers, of other requests too. */
  #msPerRequest = FIRST_GUESS_MS
  /** When the queue was last known to have something to do; undefined while it has nothing. */
  #busySince: number | undefined
  /** Since when every turn has accepted a connection: the system may hold more of them. */
  #acceptingSince: number | undefined
  #hasAccepted = false
  /** Connections in the turns since then. */
  #accepted = 0

  /** What an answer takes by itself, lately. */
  get answerMs(): number {
    return this.#ownMs
  }

  get isAccepting(): boolean {
    return this.#acceptingSince !== undefined
  }

  /** A connection was accepted. */
  accepted(now: number): void {
    this.#hasAccepted = true
    this.#accepted += 1
    this.#acceptingSince ??= now
  }

  /** A turn of the event loop is over. One without a new connection has left none waiting. */
  turned(): void {
    if (!this.#hasAccepted) {
      this.#acceptingSince = undefined
      this.#accepted = 0
    }
    this.#hasAccepted = false
  }

  /** When the first request of a connection may have come. */
  arrivalOf(now: number): number {
    const since = this.#acceptingSince
    const isLong = since !== undefined && now - since >= SHORT_ACCEPTING_MS
    return isLong && this.#accepted > FEW ? since : now
  }

  /** `before`: how many are to be answered before it. */
  isWelcome(kind: RequestKind, { arrivedAt }: Asked, now: number, before: number): boolean {
    const msPerRequest = Math.max(this.#ownMs, this.#msPerRequest)
    const expectedMs = now - arrivedAt + before * msPerRequest
    return before < FEW || expectedMs < WELCOME_MS[kind]
  }

  /** `waiting`: how many wait, itself among them. */
  hasWaitedTooLong(kind: RequestKind, { arrivedAt }: Asked, now: number, waiting: number): boolean {
    return waiting > FEW && now - arrivedAt > TOO_LONG_MS[kind]
  }

  /** So many were answered, one after the other, from `since` up to now. */
  answered(count: number, { since, now, isFree }: AnsweredSlice): void {
    if (count > 0) {
      const weight = Math.min(1, count / MEMORY)
      this.#ownMs += ((now - since) / count - this.#ownMs) * weight
      // Many connections that come at once take time of their own, and soon no more.
      if (this.#busySince !== undefined && !this.isAccepting) {
        this.#msPerRequest += ((now - this.#busySince) / count - this.#msPerRequest) * weight
      }
    }
    if (isFree) {
      this.#busySince = undefined
    } else if (count > 0 || this.#busySince === undefined) {
      this.#busySince = now
    }
  }
}

interface AnsweredSlice {
  readonly since: number
  readonly now: number
  /** Whether nobody waits any more. */
  readonly isFree: boolean
}

/** Pages for people and metrics can wait; everything else is for readers. */
export function kindOf(url: string): RequestKind {
  return url.startsWith('/xrpc/') || url.startsWith('/.well-known/') || url === '/ready'
    ? 'reader'
    : 'page'
}
