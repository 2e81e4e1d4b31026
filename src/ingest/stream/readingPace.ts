/** What Node reads at once; of TLS a record. Where as much came, more is waiting. */
const FULL_READ = 16 * 1024
/** Faster than this a connection is read without a rest, bytes a millisecond: ten times the network. */
const BRISK = 2_000
/** What comes meanwhile waits in the system's own buffer, which is a good deal larger than that at this pace. */
export const REST_MS = 40

export interface ReadingPaceOptions {
  readonly onRest: () => void
  readonly onRested: () => void
}

/**
 * When a connection is to be read. A live stream brings a frame every few milliseconds, and each that is read
 * by itself costs more to be woken for than to be dealt with: so a slow connection is read
 * only now and then, all of it that has come.
 */
export class ReadingPace {
  readonly #options: ReadingPaceOptions
  #bytes = 0
  #isFull = false
  #since = 0
  #check: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: ReadingPaceOptions) {
    this.#options = options
  }

  get isResting(): boolean {
    return this.#timer !== undefined
  }

  /** So many bytes have been read. What can be read with them, without waiting, is read before any rest. */
  noteRead(bytes: number): void {
    this.#bytes += bytes
    this.#isFull = bytes >= FULL_READ
    this.#check ??= setImmediate(() => this.#look())
  }

  /** The connection has ended. */
  stop(): void {
    clearImmediate(this.#check)
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    const now = performance.now()
    // On a busy machine a stream of which more is waiting seems slow: it is we who are.
    const isBrisk = this.#isFull || this.#bytes > (now - this.#since) * BRISK
    this.#bytes = 0
    this.#since = now
    this.#check = undefined
    if (isBrisk || this.isResting) {
      return
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#options.onRested()
    }, REST_MS)
    this.#options.onRest()
  }
}
