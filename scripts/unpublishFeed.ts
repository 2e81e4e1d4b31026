import { decodeBaseUrl } from '../src/config/configParsers.ts'
import { PUBLIC_APP_VIEW } from '../src/publish/readLikeCount.ts'
import { unpublishFeeds } from '../src/publish/unpublishFeeds.ts'
import { createJsonPrinter, createTextPrinter } from '../src/publish/unpublishPrinter.ts'
import type { Call } from './command.ts'
import { PASSWORD_NOTES, PUBLISHING_OPTIONS, readChoices, runPublishing } from './publishing.ts'

const COMMAND = {
  call: 'npm run unpublishFeed --',
  about:
    'Takes feeds out of the repository of the publisher: shows what is lost with them, asks, deletes, and looks ' +
    'that they are gone. Their likes are lost for good.',
  operands: {
    usage: 'RKEY…',
    min: 0,
    max: Number.POSITIVE_INFINITY,
    problem: 'give record keys, or --orphans alone',
    about: 'The record keys of the feeds.',
  },
  options: {
    orphans: {
      type: 'boolean',
      about:
        'In place of record keys: all feeds of this service that the feeds file does not have.',
    },
    ...PUBLISHING_OPTIONS,
    appview: {
      type: 'string',
      value: 'URL',
      default: PUBLIC_APP_VIEW,
      about: 'Who is asked how many people like a feed.',
    },
  },
  notes: PASSWORD_NOTES,
} as const

await runPublishing({
  command: COMMAND,
  printers: { text: createTextPrinter, json: createJsonPrinter },
  run: unpublishFeeds,
  readChoices: ({ values, operands, problems }: Call<typeof COMMAND.options>) => {
    if (values.orphans === operands.length > 0) {
      problems.usage(COMMAND.operands.problem)
    }
    const appView = decodeBaseUrl(values.appview)
    if (!appView.ok) {
      problems.usage(...appView.reasons.map((reason) => `--appview: ${reason}`))
    }
    return {
      ...readChoices(values),
      chosen: values.orphans ? ('orphans' as const) : operands,
      appViewUrl: appView.ok ? appView.value : PUBLIC_APP_VIEW,
    }
  },
})
