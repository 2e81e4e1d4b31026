/** For so long a body is given to everybody who asks. */
const KEPT_MS = 1_000

/** A body that is made once a second at most, and once for all who ask meanwhile. */
export class KeptBody {
  readonly #make: () => Promise<string>
  readonly #nowMs: () => number
  #making: Promise<Buffer> | undefined
  #madeAt = Number.NEGATIVE_INFINITY

  constructor(make: () => Promise<string>, nowMs = (): number => performance.now()) {
    this.#make = make
    this.#nowMs = nowMs
  }

  get(): Promise<Buffer> {
    if (this.#making === undefined || this.#nowMs() - this.#madeAt >= KEPT_MS) {
      // Until it is made nobody makes another one.
      this.#madeAt = Number.POSITIVE_INFINITY
      this.#making = this.#makeNow()
    }
    return this.#making
  }

  async #makeNow(): Promise<Buffer> {
    try {
      return Buffer.from(await this.#make())
    } finally {
      this.#madeAt = this.#nowMs()
    }
  }
}
