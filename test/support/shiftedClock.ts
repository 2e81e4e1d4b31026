/**
 * A clock of our own for services that are started as processes: they load this file with
 * `--import`, and from then on every thread of theirs goes by the real clock and a shift, which the
 * test may change at any time. Only the time of day is shifted: timers and `performance.now` are as
 * they are, as on a machine whose clock is set.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { RunOptions } from './runApp.ts'

const VARIABLE = 'TEST_CLOCK_SHIFT'

export class ShiftedClock implements Disposable {
  readonly #path: string
  readonly #file: number
  #shiftMs = 0

  /** The shift is kept in a file of this folder. */
  constructor(folder: string) {
    this.#path = join(folder, 'clockShift')
    this.#file = openSync(this.#path, 'w+')
    this.shiftMs = 0
  }

  /** What the clock of the services is ahead of the real one; below 0, behind. */
  get shiftMs(): number {
    return this.#shiftMs
  }

  set shiftMs(shiftMs: number) {
    this.#shiftMs = shiftMs
    writeSync(this.#file, new Float64Array([shiftMs]), 0, 8, 0)
  }

  /** How to start a service that goes by this clock. `preload` is this file, or a bundle of it. */
  options(preload: string = import.meta.url): Pick<RunOptions, 'nodeOptions' | 'env'> {
    return { nodeOptions: ['--import', preload], env: { [VARIABLE]: this.#path } }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}

const path = process.env[VARIABLE]
if (path !== undefined) {
  shiftDates(path)
}

function shiftDates(path: string): void {
  const file = openSync(path, 'r')
  const shift = new Float64Array(1)
  const realNow = Date.now.bind(Date)
  const now = (): number => {
    readSync(file, shift, 0, 8, 0)
    return Math.floor(realNow() + (shift[0] ?? 0))
  }
  Date.now = now
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
  })
}
