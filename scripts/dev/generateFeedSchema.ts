/** Writes `feeds.schema.json` from the shape of the feeds file; with `--check` only says whether it is current. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createFeedFileSchema } from '../../src/feedfile/feedShape.ts'
import { runCommand } from '../command.ts'

const path = fileURLToPath(new URL('../../feeds.schema.json', import.meta.url))

const COMMAND = {
  call: 'node scripts/dev/generateFeedSchema.ts',
  about: 'Writes feeds.schema.json from the shape of the feeds file.',
  options: {
    check: { type: 'boolean', about: 'Writes nothing; exit code 1 when it is not current.' },
  },
} as const

await runCommand(COMMAND, async ({ values, problems }) => {
  problems.throwIfAny()
  const text = `${JSON.stringify(createFeedFileSchema(), undefined, 2)}\n`
  const isCurrent = readFileSync(path, 'utf8') === text
  if (!isCurrent && values.check) {
    throw new Error(
      'feeds.schema.json differs from the shape in src/feedfile/feedShape.ts: run npm run codegen',
    )
  }
  if (!isCurrent) {
    writeFileSync(path, text)
    console.log('feeds.schema.json written')
  }
  await Promise.resolve()
})
