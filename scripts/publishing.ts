import type { Command, CommandLine } from '../src/config/commandLine.ts'
import { readConfig } from '../src/config/config.ts'
import { readEnvFile } from '../src/config/envFile.ts'
import type { Problems } from '../src/config/problems.ts'
import { findPerson } from '../src/pds/person.ts'
import type { Person } from '../src/pds/person.ts'
import { readPublishTarget } from '../src/publish/openPublisher.ts'
import { runPrinted } from '../src/publish/runPrinted.ts'
import type { Printer } from '../src/publish/runPrinted.ts'
import { loadSetup } from '../src/service/setup.ts'
import type { Setup } from '../src/service/setup.ts'
import { runCommand } from './command.ts'
import type { Call } from './command.ts'

/** The options of publishFeed and unpublishFeed alike. */
export const PUBLISHING_OPTIONS = {
  'dry-run': { type: 'boolean', about: 'Shows what would be done, and changes nothing.' },
  yes: { type: 'boolean', short: 'y', about: 'Does it without asking.' },
  handle: {
    type: 'string',
    value: 'HANDLE|DID',
    about:
      'The account to log in as. Where FEEDGEN_PUBLISHER_DID is set it has to be the same account.',
  },
  'take-over': { type: 'boolean', about: 'Also records that belong to another service.' },
  json: { type: 'boolean', about: 'Prints one JSON object at the end, for programs.' },
} as const

export const PASSWORD_NOTES = [
  'The password is an app password: FEEDGEN_PUBLISHER_PASSWORD, or asked for. It is never an argument.',
]

/** What the options mean. */
export function readChoices(values: CommandLine<typeof PUBLISHING_OPTIONS>['values']) {
  return {
    isDryRun: values['dry-run'],
    isConfirmed: values.yes,
    identifier: values.handle,
    takesOver: values['take-over'],
  }
}

interface Publishing<O extends Command['options'], Choices, P extends Printer> {
  readonly command: Command<O>
  /** Tells `problems` what is wrong with the values. */
  readChoices(call: Call<O>): Choices & {
    readonly isDryRun: boolean
    readonly identifier: string | undefined
  }
  readonly printers: {
    text(print: (line: string) => void, isDryRun: boolean): P
    json(print: (line: string) => void): P
  }
  run(options: Setup & Choices & P & Surroundings): Promise<void>
}

interface Surroundings {
  readonly person: Person | undefined
  readonly signal: AbortSignal
  /** What is wrong already: nothing is done, and what else is wrong is said too. */
  readonly problems: Problems
}

/** Runs a command of publishing, for a person or for a pipeline. */
export async function runPublishing<
  O extends typeof PUBLISHING_OPTIONS & Command['options'],
  Choices,
  P extends Printer,
>(publishing: Publishing<O, Choices, P>): Promise<void> {
  const { command, readChoices, printers, run } = publishing
  await runCommand(command, async (call) => {
    const { values, problems, signal } = call
    const choices = readChoices(call)
    const print = (line: string): void => console.log(line)
    const printer = values.json ? printers.json(print) : printers.text(print, choices.isDryRun)
    const person = findPerson({ input: process.stdin, output: process.stderr, signal })
    await runPrinted(printer, async () => {
      const read = problems.attempt(() => loadSetup(process.env), undefined)
      if (read === undefined) {
        // The feeds file may be wrong and the account, too.
        problems.attempt(
          () =>
            void readPublishTarget(
              readConfig(readEnvFile('.env', process.env).completed),
              choices.identifier,
            ),
          undefined,
        )
        problems.throwIfAny()
        return
      }
      await run({ ...read, ...choices, ...printer, person, signal, problems })
    })
  })
}
