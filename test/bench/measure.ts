import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A program of the benchmarks in a process of its own; it tells results as JSON lines on stdout. */
export interface Program extends AsyncDisposable {
  readonly child: ChildProcess
  /** The next line that it tells. */
  next<T>(): Promise<T>
}

export interface ProgramOptions {
  readonly nodeArguments?: readonly string[]
  /** The only core on which it may run; needs Linux. */
  readonly core?: number | undefined
}

export function startProgram(
  file: string,
  args: readonly string[],
  { nodeArguments = [], core }: ProgramOptions = {},
) {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const [command = '', ...rest] = [
    ...(core === undefined ? [] : ['taskset', '--cpu-list', String(core)]),
    ...[process.execPath, ...nodeArguments, path, ...args],
  ]
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  return {
    child,
    next: async <T>(): Promise<T> => {
      const { value, done } = await lines.next()
      if (done === true) {
        throw new Error(`${file} has ended without a result`)
      }
      return JSON.parse(value) as T
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exited
    },
  } satisfies Program
}

/** Tells one result to the process that has started this one. */
export function tell(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

export function percentile(values: Float64Array, share: number): number {
  const sorted = values.toSorted()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function describeMachine(): string {
  const gib = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'cpu'}, ${gib} GiB, Node ${process.version}`
}

/** CPU seconds that a process and its threads have used so far. */
export function cpuSeconds(usage: NodeJS.CpuUsage): number {
  return (usage.user + usage.system) / 1e6
}
