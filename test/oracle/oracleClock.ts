import type { RunOptions } from '../support/runApp.ts'
/**
 * The time of a run. It is that of the stream: it runs as real time does, and leaps over what would
 * be waited for, so that an hour with its outages passes in seconds, and every frame is read around
 * the moment that it tells of. The service goes by it too, but for what is wrong with its clock.
 */
import { ShiftedClock } from '../support/shiftedClock.ts'

export class OracleClock implements Disposable {
  readonly #shifted: ShiftedClock
  #aheadUs: number
  #faultUs = 0

  constructor(folder: string, nowUs: number) {
    this.#shifted = new ShiftedClock(folder)
    this.#aheadUs = nowUs - Date.now() * 1000
    this.#tell()
  }

  get nowUs(): number {
    return Date.now() * 1000 + this.#aheadUs
  }

  advanceTo(timeUs: number): void {
    this.#aheadUs += Math.max(0, timeUs - this.nowUs)
    this.#tell()
  }

  /** How far the clock of the service is wrong; below 0, behind. */
  set faultUs(faultUs: number) {
    this.#faultUs = faultUs
    this.#tell()
  }

  options(preload?: string): Pick<RunOptions, 'nodeOptions' | 'env'> {
    return this.#shifted.options(preload)
  }

  #tell(): void {
    this.#shifted.shiftMs = (this.#aheadUs + this.#faultUs) / 1000
  }

  [Symbol.dispose](): void {
    this.#shifted[Symbol.dispose]()
  }
}
