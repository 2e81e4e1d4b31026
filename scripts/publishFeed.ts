import { publishFeeds } from '../src/publish/publishFeeds.ts'
import { createJsonPrinter, createTextPrinter } from '../src/publish/publishPrinter.ts'
import { OPTIONAL_FIELDS } from '../src/publish/wantedRecord.ts'
import type { Call } from './command.ts'
import { PASSWORD_NOTES, PUBLISHING_OPTIONS, readChoices, runPublishing } from './publishing.ts'

const COMMAND = {
  call: 'npm run publishFeed --',
  about:
    'Makes the repository of the publisher hold the feeds of the feeds file: shows the plan, asks, writes, and reads ' +
    'back what is written. Whatever else a record holds stays.',
  options: {
    ...PUBLISHING_OPTIONS,
    only: {
      type: 'string',
      multiple: true,
      value: 'RKEY',
      about: 'This feed alone; may be given several times.',
    },
    clear: {
      type: 'string',
      multiple: true,
      value: OPTIONAL_FIELDS.join('|'),
      about: 'Takes the field out of the records where the feeds file does not give it.',
    },
  },
  notes: PASSWORD_NOTES,
} as const

await runPublishing({
  command: COMMAND,
  printers: { text: createTextPrinter, json: createJsonPrinter },
  run: publishFeeds,
  readChoices: ({ values, problems }: Call<typeof COMMAND.options>) => {
    const cleared = new Set(OPTIONAL_FIELDS.filter((field) => values.clear.includes(field)))
    if (cleared.size < new Set(values.clear).size) {
      problems.usage(`--clear: give one of ${OPTIONAL_FIELDS.join(', ')}`)
    }
    return { ...readChoices(values), only: values.only, cleared }
  },
})
