import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const OURS = fileURLToPath(new URL('../../lexicons/', import.meta.url))
const sdk = dirname(createRequire(import.meta.url).resolve('@bsky/sdk/lexicons'))
const THEIRS = join(sdk, '..', 'lexicons')

const bluesky = readdirSync(join(OURS, 'app/bsky'), { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.json'),
)

test.each(bluesky)(
  'lexicons/app/bsky/%s is the one that the code checks answers against',
  (name) => {
    const read = (folder: string): unknown =>
      JSON.parse(readFileSync(join(folder, 'app/bsky', name), 'utf8'))
    expect(read(OURS)).toEqual(read(THEIRS))
  },
)
