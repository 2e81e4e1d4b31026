import type { WebSocket } from 'ws'
import { errorFrame } from '../activity/eventFrame.ts'
import type { Subscriber } from '../activity/subscriptions.ts'

/** More than this waits for nobody: what comes later is read when it is taken. */
const READY_BYTES = 64 * 1024
/** Whoever takes nothing of what is sent for so long is too slow. */
const SLOW_MS = 15_000
/** So long a client may take to answer a goodbye. */
const LINGER_MS = 3_000

/** Codes of RFC 6455. */
const GOING_AWAY = 1001
const POLICY_VIOLATION = 1008

/** One subscriber behind a WebSocket. */
export class SubscriptionSocket implements Subscriber {
  readonly #socket: WebSocket
  #isEnded = false
  #isHeard = true
  /** What waited when it was last less, and since when. */
  #waited = { bytes: 0, sinceMs: performance.now() }

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('pong', () => (this.#isHeard = true))
    socket.on('message', () => {
      this.#close(POLICY_VIOLATION, 'This subscription takes no data from clients')
    })
  }

  get isReady(): boolean {
    return !this.#isEnded && this.#socket.bufferedAmount < READY_BYTES
  }

  send(frame: string): void {
    if (!this.#isEnded) {
      this.#socket.send(frame)
    }
  }

  end(frame: string, reason: string): void {
    this.send(frame)
    this.#close(POLICY_VIOLATION, reason)
  }

  goAway(): void {
    this.#close(GOING_AWAY, 'The service stops: come back with the last seq as cursor')
  }

  /** Has to be called now and then: ends one that takes nothing. */
  look(nowMs: number): void {
    const bytes = this.#socket.bufferedAmount
    if (bytes === 0 || bytes !== this.#waited.bytes) {
      this.#waited = { bytes, sinceMs: nowMs }
    } else if (!this.#isEnded && nowMs - this.#waited.sinceMs >= SLOW_MS) {
      const message = 'Nothing was taken for too long: come back with the last seq as cursor'
      this.end(errorFrame('ConsumerTooSlow', message), 'ConsumerTooSlow')
    }
  }

  /** Has to be called now and then: ends one that has not answered since the last call. */
  ping(): void {
    if (!this.#isHeard) {
      this.#socket.terminate()
      return
    }
    this.#isHeard = false
    this.#socket.ping()
  }

  #close(code: number, reason: string): void {
    if (this.#isEnded) {
      return
    }
    this.#isEnded = true
    this.#socket.close(code, reason)
    setTimeout(() => this.#socket.terminate(), LINGER_MS).unref()
  }
}
