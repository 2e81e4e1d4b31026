import { expect, test } from 'vitest'
import { canonicalTag } from './canonicalTag.ts'
import { tagKey } from './tagKey.ts'

test('the key of a tag is the tag, or a short text that no tag is', () => {
  expect(tagKey('art')).toBe('art')
  expect(tagKey('ä'.repeat(64))).toBe('ä'.repeat(64))
  const long = canonicalTag('e\u0323\u0330\u0331\u0348\u0347\u0349'.repeat(64)) ?? ''
  expect(Buffer.byteLength(long)).toBeGreaterThan(512)
  expect(tagKey(long)).toMatch(/^#[\w-]{43}$/)
  expect(tagKey(`${long}a`)).not.toBe(tagKey(long))
  expect(canonicalTag(tagKey(long))).not.toBe(tagKey(long))
})
