import { ConfigError, describeError } from '../src/errors.ts'

/** Runs a command with the exit codes of all commands: 0 done, 1 failed, 2 wrong usage or configuration. */
export async function runCommand(command: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stop.abort())
  }
  // A reader that has seen enough, such as `head`, is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exitCode = error.code === 'EPIPE' ? 0 : 1
    stop.abort()
  })
  try {
    await command(stop.signal)
  } catch (error) {
    const isUsage = error instanceof ConfigError
    const lines = isUsage ? error.problems : [describeError(error)]
    process.stderr.write(`${lines.join('\n')}\n`)
    process.exitCode = isUsage ? 2 : 1
  }
}

/** Says what is wrong with the arguments, and how they should be. */
export function usageError(problem: string, usage: string): ConfigError {
  return new ConfigError([`${problem}\nusage: ${usage}`])
}

/** Turns what `parseArgs` throws into a usage error. */
export function parseUsage<T>(parse: () => T, usage: string): T {
  try {
    return parse()
  } catch (error) {
    throw usageError(describeError(error), usage)
  }
}
