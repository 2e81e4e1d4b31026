import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_RECORD_LENGTH, packRecord, unpackRecord } from './recordText.ts'

describe('the text of a record', () => {
  test('comes back as it was, whatever is in it', () => {
    const phrases = fc.constantFrom(
      '"text":"',
      ',"langs":["en"],',
      'at://did:plc:',
      '\u0001',
      '\u001F',
      '\uD800',
      '\0',
    )
    const values = fc.oneof(fc.string(), phrases, fc.json())
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(fc.string(), phrases), values), (record) => {
        const packed = packRecord(record)
        expect(packed).not.toBeNull()
        expect(packed).not.toContain('\u001F')
        expect(packed).not.toContain('\0')
        expect(packed?.isWellFormed()).toBe(true)
        expect(unpackRecord(packed ?? '')).toBe(JSON.stringify(record))
      }),
    )
  })

  test('is a third shorter for a usual post', () => {
    const record = {
      $type: 'app.bsky.feed.post',
      createdAt: '2026-07-04T14:38:06.240Z',
      facets: [
        {
          features: [{ $type: 'app.bsky.richtext.facet#tag', tag: 'art' }],
          index: { byteEnd: 4, byteStart: 0 },
        },
      ],
      langs: ['en'],
      text: '#art and a few more words',
    }
    expect(packRecord(record)?.length).toBeLessThan((JSON.stringify(record).length * 2) / 3)
  })

  test('is not kept when it is too large or too deep', () => {
    expect(packRecord({ text: 'x'.repeat(MAX_RECORD_LENGTH - 11) })).not.toBeNull()
    expect(packRecord({ text: 'x'.repeat(MAX_RECORD_LENGTH) })).toBeNull()
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown[]
    expect(packRecord({ deep })).toBeNull()
  })
})
