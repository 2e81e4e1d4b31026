import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../../errors.ts'

/** The code with which a program ends that has found the configuration, or the database, to be wrong. */
export const CONFIG_EXIT = 2

export interface ApartOptions {
  readonly args: readonly string[]
  /** Ends the process at once, whatever it is at. */
  readonly signal?: AbortSignal | undefined
  /** Told of each line that it prints. */
  readonly onLine?: (line: string) => void
}

/**
 * Runs a program of ours in a process of its own. A statement of SQLite keeps its thread, and with it
 * the whole process, until it is done: one that takes minutes is ended only with its process.
 * @throws ConfigError with the problems that a program has which ends with `CONFIG_EXIT`
 * @throws Error with what the program has written to stderr
 * @throws AbortError when the signal aborts
 */
export async function runApart(program: URL, options: ApartOptions): Promise<void> {
  const { args, signal, onLine } = options
  signal?.throwIfAborted()
  const child = spawn(process.execPath, [fileURLToPath(program), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
    ...(signal && { signal }),
  })
  // That it was ended by the signal is told as an error; `signal` says it below.
  child.on('error', () => {})
  createInterface({ input: child.stdout }).on('line', (line) => onLine?.(line))
  let said = ''
  child.stderr.on('data', (data) => (said += String(data)))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  signal?.throwIfAborted()
  if (code === CONFIG_EXIT) {
    throw new ConfigError(said.trim().split('\n'))
  }
  if (code !== 0) {
    throw new Error(said.trim() || `${fileURLToPath(program)} has ended with the code ${code}`)
  }
}
