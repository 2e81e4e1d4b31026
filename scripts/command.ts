import { helpOf, readCommandLine, usageOf } from '../src/config/commandLine.ts'
import type { Command, CommandLine } from '../src/config/commandLine.ts'
import { Problems } from '../src/config/problems.ts'
import { ConfigError, describeError } from '../src/errors.ts'

/** What a command is given. */
export interface Call<O extends Command['options']> {
  readonly values: CommandLine<O>['values']
  readonly operands: readonly string[]
  /**
   * What is wrong with the arguments. The command adds what is wrong with their values and with the
   * configuration, and lets it throw before it does anything: one run says all of it.
   */
  readonly problems: Problems
  readonly signal: AbortSignal
}

/** Runs a command with the exit codes of all commands: 0 done, 1 failed, 2 wrong usage or configuration. */
export async function runCommand<O extends Command['options']>(
  command: Command<O>,
  run: (call: Call<O>) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => stop.abort())
  }
  // A reader that has seen enough, such as `head`, is no failure.
  let hasSeenEnough = false
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    hasSeenEnough = error.code === 'EPIPE'
    process.exitCode = hasSeenEnough ? 0 : 1
    stop.abort()
  })
  const { values, operands, wantsHelp, problems } = readCommandLine(
    command,
    process.argv.slice(2),
    process.env,
  )
  if (wantsHelp) {
    console.log(helpOf(command))
    return
  }
  const found = new Problems()
  found.usage(...problems)
  try {
    await run({ values, operands, problems: found, signal: stop.signal })
  } catch (error) {
    if (hasSeenEnough && error instanceof Error && error.name === 'AbortError') {
      return
    }
    const isConfig = error instanceof ConfigError
    const lines = isConfig ? [...new Set(error.problems)] : [describeError(error)]
    const usage = found.isUsage ? [usageOf(command), '(--help says what each option means)'] : []
    process.stderr.write(`${[...lines, ...usage].join('\n')}\n`)
    process.exitCode = isConfig ? 2 : 1
  }
}
