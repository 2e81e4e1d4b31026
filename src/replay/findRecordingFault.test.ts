import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { createPost } from '../../test/support/events.ts'
import { findRecordingFault } from './findRecordingFault.ts'

describe('a file that is to be a recording', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-test-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const faultOf = (name: string, content?: string | Buffer): Promise<string | undefined> => {
    const path = join(folder, name)
    if (content !== undefined) {
      writeFileSync(path, content)
    }
    return findRecordingFault(path, new AbortController().signal)
  }
  const frame = JSON.stringify(createPost({ timeUs: 1_700_000_000_000_000, tags: ['art'] }))

  test('may begin with lines that are none, and needs one that is', async () => {
    expect(await faultOf('good.jsonl', `\nnonsense\n${frame}\n`)).toBeUndefined()
    expect(await faultOf('last.jsonl', frame)).toBeUndefined()
  })

  test.each<[name: string, content: string | Buffer | undefined, told: RegExp]>([
    ['nowhere.jsonl', undefined, /^is not there/],
    ['.', undefined, /^is a directory/],
    ['empty.jsonl', '', /^is empty/],
    ['blank.jsonl', '\n\n', /none of its 0 lines/],
    ['one.jsonl', '{"kind":"commit"}', /its one line is no event/],
    ['binary.jsonl', Buffer.alloc(100_000), /^is no text/],
    ['packed.jsonl', gzipSync('{}'), /gzip -dk$/],
    ['packed.jsonl.zst', zstdCompressSync('{}'), /zstd -d$/],
  ])('is refused in plain words: %s', async (name, content, told) => {
    expect(await faultOf(name, content)).toMatch(told)
  })
})
