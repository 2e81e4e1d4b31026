import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { fileWith } from '../../test/support/feedFiles.ts'
import type { ConfigError } from '../errors.ts'
import { readFeedFile } from './readFeedFile.ts'

describe('the feeds file on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-test-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'feeds.yaml')
  const problemsOf = (content: string | Buffer): readonly string[] => {
    writeFileSync(path, content)
    try {
      readFeedFile(path)
      return []
    } catch (error) {
      return (error as ConfigError).problems.map((problem) => problem.replace(folder, ''))
    }
  }

  test.each<[string, Buffer, string[]]>([
    [
      'Latin-1',
      Buffer.from('feeds:\n  - rkey: café\n    name: ñ\n', 'latin1'),
      ['2:14: the byte 0xE9 is not', '3:11: the byte 0xF1 is not'],
    ],
    ['cut in a character', Buffer.from('feeds: é').subarray(0, 8), ['1:8: the byte 0xC3 is not']],
    ['UTF-16', Buffer.from('\uFEFFfeeds:', 'utf16le'), ['1:1: the file is UTF-16']],
  ])('is refused when it is %s', (_, content, places) => {
    const problems = problemsOf(content)
    expect(problems).toHaveLength(places.length)
    for (const [index, place] of places.entries()) {
      expect(problems[index]).toMatch(new RegExp(`^/feeds.yaml:${place}.*UTF-8`, 'u'))
    }
  })

  test('is told about avatars that are missing or unfit, with their places', () => {
    mkdirSync(join(folder, 'folder.png'))
    writeFileSync(join(folder, 'page.png'), '<html>')
    writeFileSync(join(folder, 'empty.png'), '')
    writeFileSync(join(folder, 'good.jpg'), Buffer.from([0xff, 0xd8, 0xff, 0xe0]))
    const large = Buffer.alloc(1_000_001)
    large.set([0xff, 0xd8, 0xff])
    writeFileSync(join(folder, 'large.jpg'), large)
    writeFileSync(join(folder, 'fits.jpg'), large.subarray(0, 1_000_000))
    const told = [
      ['nowhere.png', 'there is no such file'],
      ['folder.png', 'is no file'],
      ['page.png', 'is neither a PNG nor a JPEG'],
      ['empty.png', 'is empty'],
      ['large.jpg', 'is too large (1000001 bytes of at most 1000000)'],
    ]
    for (const [name = '', fault = ''] of told) {
      const [problem, ...others] = problemsOf(fileWith(`avatar: ${name}`))
      expect(others).toEqual([])
      expect(problem).toContain(`/feeds.yaml:5:13: avatar: "${name}": ${fault}`)
    }
    expect(problemsOf(fileWith('avatar: good.jpg'))).toEqual([])
    expect(problemsOf(fileWith('avatar: fits.jpg'))).toEqual([])
  })
})
