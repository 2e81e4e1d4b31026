/**
 * So many look-ups a second in all, with a reserve for bursts: what strangers can make us ask of others is
 * bounded, whoever they say they are. Moments are those of `performance.now`.
 */
export class LookupRation {
  readonly #perSecond: number
  readonly #reserve: number
  readonly #now: () => number
  #left: number
  #countedAt: number

  constructor(perSecond: number, reserve: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond
    this.#reserve = reserve
    this.#now = now
    this.#left = reserve
    this.#countedAt = now()
  }

  /** Takes one of the ration; false when there is none left. */
  take(): boolean {
    const now = this.#now()
    const grown = ((now - this.#countedAt) / 1_000) * this.#perSecond
    this.#left = Math.min(this.#reserve, this.#left + grown)
    this.#countedAt = now
    if (this.#left < 1) {
      return false
    }
    this.#left -= 1
    return true
  }
}
