import type { ClientConnection } from './clientConnection.ts'
import { WaitingLine } from './waitingLine.ts'

/** A client that was turned away is not taken up again for so long: to say no is work as well. */
const REST_MS = 500

/** Connections that were turned away a moment ago. */
export class RestingClients implements Disposable {
  readonly #onDue: () => void
  readonly #line = new WaitingLine<{ connection: ClientConnection; until: number }>()
  #timer: NodeJS.Timeout | undefined

  /** `onDue`: some have rested long enough, and `end` is to be called. */
  constructor(onDue: () => void) {
    this.#onDue = onDue
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  add(connection: ClientConnection): void {
    connection.rest()
    this.#line.push({ connection, until: performance.now() + REST_MS })
    this.#await(REST_MS)
  }

  /** Takes up those that have rested long enough, for as long as there is time. */
  end(now: number, endsAt: number): void {
    let first = this.#line.peek()
    while (first !== undefined && first.until <= now && performance.now() < endsAt) {
      this.#line.shift()
      first.connection.endRest()
      first = this.#line.peek()
    }
    if (first !== undefined) {
      this.#await(Math.max(1, first.until - now))
    }
  }

  #await(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#onDue()
    }, ms).unref()
  }
}
