import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { rawCid } from '../pds/blob.ts'
import { findPerson } from '../pds/person.ts'
import { describeWait, readRetryAfterMs } from '../pds/retryAfter.ts'
import { Secrets } from '../pds/secrets.ts'
import { decodeAvatar } from './avatar.ts'
import { showValue } from './showValue.ts'

describe('secrets', () => {
  test('are cut out of a text in every form in which they are sent', () => {
    const secrets = new Secrets()
    secrets.add('pass"wörd/1', 'pass', '', '  ')
    const texts = ['pass"wörd/1', 'pass\\"wörd/1', 'pass%22w%C3%B6rd%2F1', 'pass']
    for (const secret of texts) {
      expect(secrets.redact(`before ${secret} after`)).toBe('before [secret] after')
    }
  })
})

describe('the time to try again', () => {
  const now = Date.parse('2026-11-21T12:00:00Z')
  test.each([
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 12:01:00 GMT' }, 60_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 11:00:00 GMT' }, 0],
    [{ 'ratelimit-reset': String(now / 1_000 + 300) }, 300_000],
    [{ 'retry-after': '1', 'ratelimit-reset': String(now / 1_000 + 300) }, 1_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('is read from %j', (headers, expected) => {
    expect(readRetryAfterMs(new Headers(headers as Record<string, string>), now)).toBe(expected)
  })

  test('is said as a wait and as a time of day', () => {
    expect(describeWait(7_000, now)).toBe('in 7 s, at 2026-11-21T12:00:07Z')
    expect(describeWait(600_000, now)).toBe('in 10 min, at 2026-11-21T12:10:00Z')
  })
})

describe('a picture', () => {
  test('is known by its bytes', () => {
    const jpeg = new Uint8Array([0xff, 0xd8, 0xff, 0xe0])
    expect(decodeAvatar(jpeg)).toMatchObject({ mimeType: 'image/jpeg', blob: { size: 4 } })
    expect(decodeAvatar(new Uint8Array())).toBe('is empty')
    expect(decodeAvatar(new Uint8Array(Buffer.from('GIF89a')))).toMatch(/neither a PNG/u)
    const large = new Uint8Array(1_000_001).fill(0xff)
    large[1] = 0xd8
    expect(decodeAvatar(large)).toBe('is too large (1000001 bytes of at most 1000000)')
    expect(decodeAvatar(large.slice(0, 1_000_000))).toMatchObject({ mimeType: 'image/jpeg' })
  })

  test('has the CID that the network gives it', () => {
    const cid = 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq'
    expect(rawCid(Buffer.from('hello'))).toBe(cid)
  })
})

describe('a value of a record', () => {
  test('cannot play with the terminal, and is cut', () => {
    expect(showValue('a\u001B[2Jb\n\u202Ec')).toBe(String.raw`"a\u001b[2Jb\n\u202ec"`)
    expect(showValue('x'.repeat(1_000))).toHaveLength(121)
    expect(showValue(undefined)).toBe('nothing')
    expect(showValue({ cid: 'bafy', mimeType: '\u001B[2J' })).not.toContain('\u001B')
  })
})

describe('a person', () => {
  /** What a terminal shows, and somebody who types a line into it. */
  function openTerminal(typed: string) {
    const input = Object.assign(new PassThrough(), { isTTY: true })
    const output = Object.assign(new PassThrough(), { isTTY: true })
    const person = findPerson({ input, output, signal: new AbortController().signal })
    input.write(typed)
    return { person, shown: () => text(output.end()) }
  }

  test('types a secret that is not shown', async () => {
    const { person, shown } = openTerminal('hunter2\r')
    expect(await person?.askSecret('Password: ')).toBe('hunter2')
    expect(await shown()).toBe('Password: \n')
  })

  test('may correct a secret, and sees what else is typed', async () => {
    const { person } = openTerminal('hunter3\u007F2\r')
    expect(await person?.askSecret('Password: ')).toBe('hunter2')
    const plain = openTerminal('yes\r')
    expect(await plain.person?.ask('Sure? ')).toBe('yes')
    expect(await plain.shown()).toContain('yes')
  })

  test.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('stops with %s', async (_name, key) => {
    const { person } = openTerminal(key)
    await expect(person?.askSecret('Password: ')).rejects.toThrow('stopped: nothing is changed')
  })

  test('is nobody in a pipeline', () => {
    const output = Object.assign(new PassThrough(), { isTTY: true })
    const { signal } = new AbortController()
    expect(findPerson({ input: new PassThrough(), output, signal })).toBeUndefined()
  })
})
