import { helpOf, readCommandLine, usageOf } from './commandLine.ts'
import type { Command } from './commandLine.ts'
import { configVariables } from './config.ts'

const COMMAND: Command = {
  call: 'npm start --',
  about:
    'Runs the service: reads Jetstream, keeps the posts that carry tags, and serves the feeds of the feeds file. ' +
    'Ctrl-C ends it. It takes no options: settings come from the environment, or from a file .env in the ' +
    'folder where it is started.',
  options: {},
  notes: [
    '',
    ...Object.values(configVariables).flatMap(({ name, sentence, unset }) => [
      'text' in unset ? `${name} (default: ${unset.text})` : name,
      `    ${sentence}`,
    ]),
  ],
}

/**
 * Reads the arguments of a start, which takes none but `--help`: prints that, and returns what is wrong
 * with any other.
 */
export function readStartArguments(args: readonly string[]): {
  readonly wantsHelp: boolean
  readonly problems: readonly string[]
} {
  const { wantsHelp, problems } = readCommandLine(COMMAND, args, {})
  if (wantsHelp) {
    process.stdout.write(`${helpOf(COMMAND)}\n`)
  }
  return { wantsHelp, problems: problems.length === 0 ? [] : [...problems, usageOf(COMMAND)] }
}
