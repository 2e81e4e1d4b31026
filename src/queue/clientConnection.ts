import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { WaitingLine } from './waitingLine.ts'

/** One request, from its arrival to the end of its answer. */
export interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Answers it. */
  readonly answer: (asked: Asked) => void
  /** By `performance.now`: when it came, or when its connection may have begun to wait for being accepted. */
  arrivedAt: number
  /** When its turn came, by the same clock. */
  begunAt: number
  /** Nobody waits for the answer any more, or another one was given: what works for it stops. */
  isOver: boolean
}

/** How long one client may take to read one answer. */
const MAX_READING_MS = 30_000

/**
 * One connection of a client. One of its requests is worked on at a time, from its beginning until the
 * client has been sent the whole answer; the others wait here, and from the second on the
 * socket is not read meanwhile.
 *
 * Node goes on with all requests that came in one piece of up to 64 KB, so there may be thousands of
 * them in the line at once.
 */
export class ClientConnection {
  readonly socket: Socket
  readonly #begin: (asked: Asked, now: number) => void
  readonly #leftLine: () => void
  readonly #line = new WaitingLine<Asked>()
  #current: Asked | undefined
  #isAwaited = false
  #isResting = false
  #isPaused = false
  #whenIdle: (() => void) | undefined
  #unread: { readonly response: ServerResponse; readonly since: number } | undefined

  /** `begin` takes up a request; `leftLine` is called for each that leaves the line for that. */
  constructor(socket: Socket, begin: (asked: Asked, now: number) => void, leftLine: () => void) {
    this.socket = socket
    this.#begin = begin
    this.#leftLine = leftLine
  }

  /** What was begun last; it may be answered already. */
  get current(): Asked | undefined {
    return this.#current
  }

  /** Requests that have not been begun. */
  get waiting(): number {
    return this.#line.length
  }

  /** Whether a request of this connection has to wait. */
  get isBusy(): boolean {
    return this.#isResting || this.#line.length > 0 || !this.#isAnswered()
  }

  begin(asked: Asked, now: number): void {
    this.#current = asked
    this.#begin(asked, now)
  }

  wait(asked: Asked): void {
    this.#line.push(asked)
    if (!this.#isPaused && this.#line.length > 1) {
      // A client that waits for answers sends no second one, and that it leaves is to be heard.
      this.#isPaused = true
      this.socket.pause()
    }
    this.#goOn()
  }

  /** Takes up nothing more for now. */
  rest(): void {
    this.#isResting = true
  }

  endRest(): void {
    this.#isResting = false
    this.#goOn(true)
  }

  /** Calls back once, when every request that has come so far is answered. */
  whenIdle(listener: () => void): void {
    this.#whenIdle = listener
    this.#goOn()
  }

  /** Whether the client has taken too long to read an answer. */
  isDeaf(now: number): boolean {
    const response = this.#current?.response
    if (response === undefined || !response.writableEnded || this.#isAnswered()) {
      this.#unread = undefined
      return false
    }
    if (this.#unread?.response !== response) {
      this.#unread = { response, since: now }
    }
    return now - this.#unread.since >= MAX_READING_MS
  }

  /**
   * Whether Node has let go of the answer. That all has been written shows a moment earlier; what was
   * begun then would pile up behind it.
   */
  #isAnswered(): boolean {
    const response = this.#current?.response
    return response === undefined || (response.socket === null && response.writableFinished)
  }

  #goOn(hasRested = false): void {
    if (this.#isAwaited || this.#isResting || this.socket.destroyed) {
      return
    }
    if (!this.#isAnswered()) {
      this.#isAwaited = true
      this.#current?.response.once('close', () => {
        this.#isAwaited = false
        this.#goOn()
      })
      return
    }
    const next = this.#line.shift()
    if (next !== undefined) {
      this.#leftLine()
      const now = performance.now()
      if (!hasRested) {
        // It has waited for its own client alone.
        next.arrivedAt = now
      }
      this.begin(next, now)
      if (this.#line.length > 0 || this.#whenIdle !== undefined) {
        this.#goOn()
        return
      }
    } else if (this.#whenIdle !== undefined) {
      const listener = this.#whenIdle
      this.#whenIdle = undefined
      listener()
    }
    if (this.#isPaused && !this.#isResting) {
      this.#isPaused = false
      this.socket.resume()
    }
  }
}

/** Cuts off those who do not read what they have asked for. */
export function endDeaf(connections: Iterable<ClientConnection>): void {
  const now = performance.now()
  for (const connection of connections) {
    if (connection.isDeaf(now)) {
      connection.socket.destroy()
    }
  }
}
