import { parseArgs } from 'node:util'
import { unpublishFeeds } from '../src/publish/unpublishFeeds.ts'
import { createJsonPrinter, createTextPrinter } from '../src/publish/unpublishPrinter.ts'
import { usageError } from './command.ts'
import { PUBLISHING_OPTIONS, readChoices, runPublishing } from './publishing.ts'

const USAGE =
  'npm run unpublishFeed -- RKEY… | --orphans   [--dry-run] [--yes] [--handle HANDLE|DID] [--take-over] ' +
  '[--appview URL] [--json]   (the password: FEEDGEN_PUBLISHER_PASSWORD, or asked for)'

await runPublishing({
  usage: USAGE,
  readArguments,
  printers: { text: createTextPrinter, json: createJsonPrinter },
  command: unpublishFeeds,
})

function readArguments() {
  const { values, positionals } = parseArgs({
    strict: true,
    allowPositionals: true,
    options: {
      ...PUBLISHING_OPTIONS,
      orphans: { type: 'boolean', default: false },
      appview: { type: 'string', default: 'https://public.api.bsky.app' },
    },
  })
  if (values.orphans === positionals.length > 0) {
    throw usageError('give record keys, or --orphans alone', USAGE)
  }
  if (!URL.canParse(values.appview)) {
    throw usageError('--appview: give a URL', USAGE)
  }
  return {
    ...readChoices(values),
    chosen: values.orphans ? ('orphans' as const) : positionals,
    appViewUrl: values.appview.replace(/\/+$/u, ''),
  }
}
