const NONE = Buffer.alloc(0)

/**
 * What has come of a message that does not stand in one piece of what was read. Parts are copied: to
 * hold on to each of them would cost a server nothing, and us a hundred bytes.
 */
export class MessageParts {
  #bytes = NONE
  #filled = 0

  get length(): number {
    return this.#filled
  }

  /** Adds the bytes between two places; `expected` more are known to come. */
  add(bytes: Buffer, [from, to]: readonly [number, number], expected: number): void {
    const needed = this.#filled + (to - from)
    if (needed > this.#bytes.length) {
      const before = this.#bytes.subarray(0, this.#filled)
      this.#bytes = Buffer.allocUnsafe(Math.max(needed + expected, 2 * needed))
      before.copy(this.#bytes)
    }
    bytes.copy(this.#bytes, this.#filled, from, to)
    this.#filled = needed
  }

  /** The parts in one, and from then on none. */
  take(): Buffer {
    const whole = this.#bytes.subarray(0, this.#filled)
    this.clear()
    return whole
  }

  clear(): void {
    this.#bytes = NONE
    this.#filled = 0
  }
}
