import { loadEnvFile } from '../src/envFile.ts'
import { findPerson } from '../src/publish/person.ts'
import type { Person } from '../src/publish/person.ts'
import { runPrinted } from '../src/publish/runPrinted.ts'
import type { Printer } from '../src/publish/runPrinted.ts'
import { readSetup } from '../src/setup.ts'
import type { Setup } from '../src/setup.ts'
import { parseUsage, runCommand } from './command.ts'

/** The options of publishFeed and unpublishFeed alike, for `parseArgs`. */
export const PUBLISHING_OPTIONS = {
  'dry-run': { type: 'boolean', default: false },
  yes: { type: 'boolean', short: 'y', default: false },
  handle: { type: 'string' },
  'take-over': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const

/** What they mean. */
export function readChoices(values: {
  readonly 'dry-run': boolean
  readonly yes: boolean
  readonly handle?: string | undefined
  readonly 'take-over': boolean
  readonly json: boolean
}) {
  return {
    isDryRun: values['dry-run'],
    isConfirmed: values.yes,
    identifier: values.handle,
    takesOver: values['take-over'],
    isJson: values.json,
  }
}

interface Publishing<Choices, P extends Printer> {
  readonly usage: string
  readArguments(): Choices & { readonly isDryRun: boolean; readonly isJson: boolean }
  readonly printers: {
    text(print: (line: string) => void, isDryRun: boolean): P
    json(print: (line: string) => void): P
  }
  command(options: Setup & Choices & P & Surroundings): Promise<void>
}

interface Surroundings {
  readonly person: Person | undefined
  readonly signal: AbortSignal
}

/** Runs a command of publishing, for a person or for a pipeline. */
export async function runPublishing<Choices, P extends Printer>(
  publishing: Publishing<Choices, P>,
): Promise<void> {
  const { usage, readArguments, printers, command } = publishing
  await runCommand(async (signal) => {
    const choices = parseUsage(readArguments, usage)
    const print = (line: string): void => console.log(line)
    const printer = choices.isJson ? printers.json(print) : printers.text(print, choices.isDryRun)
    const person = findPerson({ input: process.stdin, output: process.stderr, signal })
    await runPrinted(printer, () => {
      const setup = readSetup(loadEnvFile('.env', process.env))
      return command({ ...setup, ...choices, ...printer, person, signal })
    })
  })
}
