import { parseArgs } from 'node:util'
import { loadEnvFile } from '../src/envFile.ts'
import { findPerson } from '../src/publish/person.ts'
import { runPrinted } from '../src/publish/runPrinted.ts'
import { unpublishFeeds } from '../src/publish/unpublishFeeds.ts'
import { createJsonPrinter, createTextPrinter } from '../src/publish/unpublishPrinter.ts'
import { readSetup } from '../src/setup.ts'
import { parseUsage, runCommand, usageError } from './command.ts'

const USAGE =
  'npm run unpublishFeed -- RKEY… | --orphans   [--dry-run] [--yes] [--handle HANDLE|DID] [--take-over] ' +
  '[--appview URL] [--json]   (the password: FEEDGEN_PUBLISHER_PASSWORD, or asked for)'

await runCommand(async (signal) => {
  const { isJson, ...choices } = parseUsage(readArguments, USAGE)
  const print = (line: string): void => console.log(line)
  const printer = isJson ? createJsonPrinter(print) : createTextPrinter(print, choices.isDryRun)
  const person = findPerson({ input: process.stdin, output: process.stderr, signal })
  await runPrinted(printer, () =>
    unpublishFeeds({
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
      orphans: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      yes: { type: 'boolean', short: 'y', default: false },
      handle: { type: 'string' },
      'take-over': { type: 'boolean', default: false },
      appview: { type: 'string', default: 'https://public.api.bsky.app' },
      json: { type: 'boolean', default: false },
    },
  })
  if (values.orphans === positionals.length > 0) {
    throw usageError('give record keys, or --orphans alone', USAGE)
  }
  if (!URL.canParse(values.appview)) {
    throw usageError('--appview: give a URL', USAGE)
  }
  return {
    chosen: values.orphans ? ('orphans' as const) : positionals,
    isDryRun: values['dry-run'],
    isConfirmed: values.yes,
    identifier: values.handle,
    takesOver: values['take-over'],
    appViewUrl: values.appview.replace(/\/+$/u, ''),
    isJson: values.json,
  }
}
