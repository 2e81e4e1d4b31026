import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const OURS = fileURLToPath(new URL('../../lexicons/', import.meta.url))
const sdk = dirname(createRequire(import.meta.url).resolve('@bsky/sdk/lexicons'))
const THEIRS = join(sdk, '..', 'lexicons')

const theirs = readdirSync(OURS, { recursive: true, encoding: 'utf8' }).filter((name) =>
  /^(?:app.bsky|com.atproto).*\.json$/.test(name),
)

test.each(theirs)('lexicons/%s is the one that Bluesky publishes', (name) => {
  const read = (folder: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'))
  expect(read(OURS)).toEqual(read(THEIRS))
})
