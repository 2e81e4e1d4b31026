import { parseArgs } from 'node:util'
import { loadEnvFile } from '../src/envFile.ts'
import { OPTIONAL_FIELDS } from '../src/publish/feedRecord.ts'
import { findPerson } from '../src/publish/person.ts'
import { publishFeeds } from '../src/publish/publishFeeds.ts'
import { createJsonPrinter, createTextPrinter } from '../src/publish/publishPrinter.ts'
import { runPrinted } from '../src/publish/runPrinted.ts'
import { readSetup } from '../src/setup.ts'
import { parseUsage, runCommand, usageError } from './command.ts'

const USAGE =
  'npm run publishFeed -- [--dry-run] [--yes] [--only RKEY]… [--handle HANDLE|DID] [--take-over] ' +
  `[--clear ${OPTIONAL_FIELDS.join('|')}]… [--json]   (the password: FEEDGEN_PUBLISHER_PASSWORD, or asked for)`

await runCommand(async (signal) => {
  const { isJson, ...choices } = parseUsage(readArguments, USAGE)
  const print = (line: string): void => console.log(line)
  const printer = isJson ? createJsonPrinter(print) : createTextPrinter(print, choices.isDryRun)
  const person = findPerson({ input: process.stdin, output: process.stderr, signal })
  await runPrinted(printer, () =>
    publishFeeds({
      ...readSetup(loadEnvFile('.env', process.env)),
      ...choices,
      ...printer,
      person,
      signal,
    }),
  )
})

function readArguments() {
  const { values, positionals } = parseArgs({
    strict: true,
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean', default: false },
      yes: { type: 'boolean', short: 'y', default: false },
      only: { type: 'string', multiple: true, default: [] },
      handle: { type: 'string' },
      'take-over': { type: 'boolean', default: false },
      clear: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  })
  // Not repeated: it may be a password.
  if (positionals.length > 0) {
    throw usageError('give options alone; a password is never an argument', USAGE)
  }
  const cleared = new Set(OPTIONAL_FIELDS.filter((field) => values.clear.includes(field)))
  if (cleared.size < new Set(values.clear).size) {
    throw usageError(`--clear: give one of ${OPTIONAL_FIELDS.join(', ')}`, USAGE)
  }
  return {
    isDryRun: values['dry-run'],
    isConfirmed: values.yes,
    only: values.only,
    identifier: values.handle,
    takesOver: values['take-over'],
    isJson: values.json,
    cleared,
  }
}
