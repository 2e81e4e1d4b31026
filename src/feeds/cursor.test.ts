import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RequestError } from '../errors.ts'
import { TOP, packCursor, parseCursor } from './cursor.ts'
import type { CursorScope } from './cursor.ts'

const scope: CursorScope = { rkey: 'art', order: 'recent' }
const place = { indexedAt: 1_783_175_880_123_456, cid: 'bafyreiabc', uri: 'at://did:plc:a/x/y' }
const ascii = fc.string({ unit: fc.constantFrom(...Array.from('abcz0129:/._~-')) })
const uris = fc.oneof(
  ascii,
  fc
    .tuple(
      fc.stringMatching(/^[a-z2-7]{23,25}$/),
      fc.constantFrom('app.bsky.feed.post', 'app.bsky.feed.like'),
      fc.stringMatching(/^[a-zA-Z0-9._:~-]{1,20}$/),
    )
    .map(([did, collection, rkey]) => `at://did:plc:${did}/${collection}/${rkey}`),
)
const places = fc.record({ indexedAt: fc.maxSafeNat(), cid: ascii, uri: uris })

describe('a cursor', () => {
  test('comes back as the place it was made from', () => {
    expect(parseCursor(scope, packCursor(scope, TOP))).toEqual(TOP)
    fc.assert(
      fc.property(places, (some) => {
        expect(parseCursor(scope, packCursor(scope, some))).toEqual(some)
      }),
    )
  })

  test('of a post needs no escapes in a URL', () => {
    const uri = 'at://did:plc:abcdefghijklmnopqrstuvwx/app.bsky.feed.post/3lqgxkqwqok2a'
    const cursor = packCursor(scope, { ...place, uri })
    expect(encodeURIComponent(cursor)).toBe(cursor)
    expect(parseCursor(scope, cursor)).toEqual({ ...place, uri })
  })

  test.each(['\0', '\ud800', ' ', '\n', 'é'])(
    'is refused with a right check when it holds what no place holds: %j',
    (character) => {
      const cursor = packCursor(scope, { ...place, cid: `baf${character}` })
      expect(() => parseCursor(scope, cursor)).toThrow(RequestError)
    },
  )

  test('is refused by another feed, and by the same feed in another order', () => {
    const cursor = packCursor(scope, place)
    expect(() => parseCursor({ ...scope, rkey: 'cats' }, cursor)).toThrow(RequestError)
    expect(() => parseCursor({ ...scope, order: 'trending' }, cursor)).toThrow(RequestError)
  })

  test('is refused when any one character is another, missing or added', () => {
    const cursor = packCursor(scope, place)
    for (let index = 0; index < cursor.length; index += 1) {
      const other = cursor[index] === 'A' ? 'B' : 'A'
      const changed = cursor.slice(0, index) + other + cursor.slice(index + 1)
      expect(() => parseCursor(scope, changed)).toThrow(RequestError)
      const shorter = cursor.slice(0, index) + cursor.slice(index + 1)
      expect(() => parseCursor(scope, shorter)).toThrow(RequestError)
      const longer = `${cursor.slice(0, index)}A${cursor.slice(index)}`
      expect(() => parseCursor(scope, longer)).toThrow(RequestError)
    }
  })

  test('is refused in another case, also when it is of digits', () => {
    const cursor = packCursor(scope, { indexedAt: 1, cid: '1', uri: '2' })
    expect(() => parseCursor(scope, cursor.toLowerCase())).toThrow(RequestError)
    expect(() => parseCursor(scope, packCursor(scope, place).toUpperCase())).toThrow(RequestError)
  })

  test.each(['', ' ', 'abc', '1', 'null', '%00', '=', '0'.repeat(100_000), 'é', '💣', '..', '-_-'])(
    'is refused as %j',
    (text) => {
      expect(() => parseCursor(scope, text)).toThrow(RequestError)
    },
  )

  test('is refused in any other spelling of the same bytes', () => {
    const cursor = packCursor(scope, place)
    for (const other of [`${cursor}=`, `${cursor}\n`, ` ${cursor}`, `${cursor}==`]) {
      expect(() => parseCursor(scope, other)).toThrow(RequestError)
    }
  })

  test('is refused for whatever text was not packed', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.base64String(), fc.string({ unit: 'binary' })),
        (text) => {
          expect(() => parseCursor(scope, text)).toThrow(RequestError)
        },
      ),
    )
  })
})
