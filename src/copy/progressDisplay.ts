import { nounOf } from '../texts/countOf.ts'
import type { CopyStep } from './copyDatabase.ts'

/** Where progress is shown: a terminal, or anything that takes lines. */
export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const BAR_EVERY_MS = 100
const LINE_EVERY_MS = 5_000
const BAR_CELLS = 24

/** Shows steps as a bar that changes in place, or as a line every few seconds where that is no terminal. */
export class ProgressDisplay implements Disposable {
  readonly #stream: ProgressStream
  readonly #nowMs: () => number
  #phase: CopyStep['phase'] | undefined
  #began = { ms: 0, rows: 0 }
  #shownMs = Number.NEGATIVE_INFINITY
  #hasBar = false

  constructor(stream: ProgressStream, nowMs: () => number = () => performance.now()) {
    this.#stream = stream
    this.#nowMs = nowMs
  }

  show(step: CopyStep): void {
    const nowMs = this.#nowMs()
    if (step.phase !== this.#phase) {
      this.#phase = step.phase
      this.#began = { ms: nowMs, rows: step.rows }
      this.#shownMs = Number.NEGATIVE_INFINITY
    }
    const isBar = this.#stream.isTTY === true
    if (nowMs - this.#shownMs < (isBar ? BAR_EVERY_MS : LINE_EVERY_MS)) {
      return
    }
    this.#shownMs = nowMs
    const seconds = (nowMs - this.#began.ms) / 1_000
    const text = formatStep(
      step,
      seconds > 0 ? (step.rows - this.#began.rows) / seconds : undefined,
    )
    if (isBar) {
      const line = `${formatBar(step)} ${text}`.slice(0, (this.#stream.columns || 80) - 1)
      this.#stream.write(`\r${line}\u001B[K`)
      this.#hasBar = true
    } else {
      this.#stream.write(`${text}\n`)
    }
  }

  /** Takes the bar away. */
  [Symbol.dispose](): void {
    if (this.#hasBar) {
      this.#hasBar = false
      this.#stream.write('\r\u001B[K')
    }
  }
}

function partOf({ rows, totalRows }: CopyStep): number {
  return totalRows === 0 ? 1 : Math.min(1, rows / totalRows)
}

/** The part that is done, as a bar. */
export function formatBar(step: CopyStep): string {
  const cells = Math.floor(partOf(step) * BAR_CELLS)
  return `[${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}]`
}

/** What is being done, and how fast. */
export function formatStep(step: CopyStep, rowsPerSecond: number | undefined): string {
  const percent = `${Math.floor(partOf(step) * 100)}%`.padStart(4)
  const rate =
    rowsPerSecond === undefined ? '' : `, ${formatCount(Math.round(rowsPerSecond))} rows/s`
  return `${percent} ${step.phase} ${step.table}: ${formatCount(step.rows)} ${nounOf(step.rows, 'row')}${rate}`
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}
