import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCreatedAt } from './parseCreatedAt.ts'

const JULY = Date.UTC(2026, 6, 4, 14, 38, 0) * 1000

describe('parseCreatedAt', () => {
  test.each([
    ['2026-07-04T14:38:00Z', JULY],
    ['2026-07-04T14:38:00.5Z', JULY + 500_000],
    ['2026-07-04T14:38:00.123456Z', JULY + 123_456],
    ['2026-07-04T14:38:00.1234569999999Z', JULY + 123_456],
    ['2026-07-04T16:38:00+02:00', JULY],
    ['2026-07-04T09:08:00-05:30', JULY],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29) * 1000],
    ['1970-01-01T00:00:00Z', 0],
    ['1969-12-31T23:59:59.999999Z', 0],
    ['1970-01-01T00:30:00+01:00', 0],
    ['0001-01-01T00:00:00Z', 0],
    ['0001-01-01T00:00:00+23:59', 0],
    ['9999-12-31T23:59:59Z', Date.UTC(9999, 11, 31, 23, 59, 59) * 1000],
  ])('reads %s', (text, us) => {
    expect(parseCreatedAt(text)).toBe(us)
  })

  test.each([
    ['no zone', '2026-07-04T14:38:00'],
    ['a space for T', '2026-07-04 14:38:00Z'],
    ['lower case', '2026-07-04t14:38:00z'],
    ['no seconds', '2026-07-04T14:38Z'],
    ['minus zero zone', '2026-07-04T14:38:00-00:00'],
    ['zone without colon', '2026-07-04T14:38:00+0200'],
    ['empty fraction', '2026-07-04T14:38:00.Z'],
    ['February 30', '2026-02-30T00:00:00Z'],
    ['February 29 of a common year', '2025-02-29T00:00:00Z'],
    ['April 31', '2026-04-31T00:00:00Z'],
    ['day zero', '2026-04-00T00:00:00Z'],
    ['month zero', '2026-00-01T00:00:00Z'],
    ['month 13', '2026-13-01T00:00:00Z'],
    ['hour 24', '2026-07-04T24:00:00Z'],
    ['minute 60', '2026-07-04T14:60:00Z'],
    ['leap second', '2026-06-30T23:59:60Z'],
    ['zone of 24 hours', '2026-07-04T14:38:00+24:00'],
    ['year zero', '0000-01-01T00:00:00Z'],
    ['after year 9999 in UTC', '9999-12-31T23:59:59-01:00'],
    ['five-digit year', '12026-07-04T14:38:00Z'],
    ['too long', `2026-07-04T14:38:00.${'1'.repeat(60)}Z`],
    ['text around it', ' 2026-07-04T14:38:00Z'],
    ['a line break after it', '2026-07-04T14:38:00Z\n'],
    ['a number', 1_783_175_880_000],
    ['null', null],
    ['nothing', undefined],
  ])('finds %s unreadable', (_, value) => {
    expect(parseCreatedAt(value)).toBeUndefined()
  })

  test('agrees with Date on every moment that Date can write', () => {
    const moments = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true })
    fc.assert(
      fc.property(moments, (date) => {
        expect(parseCreatedAt(date.toISOString())).toBe(date.getTime() * 1000)
      }),
    )
  })
})
