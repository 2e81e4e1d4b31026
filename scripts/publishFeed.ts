import { parseArgs } from 'node:util'
import { OPTIONAL_FIELDS } from '../src/publish/feedRecord.ts'
import { publishFeeds } from '../src/publish/publishFeeds.ts'
import { createJsonPrinter, createTextPrinter } from '../src/publish/publishPrinter.ts'
import { usageError } from './command.ts'
import { PUBLISHING_OPTIONS, readChoices, runPublishing } from './publishing.ts'

const USAGE =
  'npm run publishFeed -- [--dry-run] [--yes] [--only RKEY]… [--handle HANDLE|DID] [--take-over] ' +
  `[--clear ${OPTIONAL_FIELDS.join('|')}]… [--json]   (the password: FEEDGEN_PUBLISHER_PASSWORD, or asked for)`

await runPublishing({
  usage: USAGE,
  readArguments,
  printers: { text: createTextPrinter, json: createJsonPrinter },
  command: publishFeeds,
})

function readArguments() {
  const { values, positionals } = parseArgs({
    strict: true,
    allowPositionals: true,
    options: {
      ...PUBLISHING_OPTIONS,
      only: { type: 'string', multiple: true, default: [] },
      clear: { type: 'string', multiple: true, default: [] },
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
  return { ...readChoices(values), only: values.only, cleared }
}
