import { US_PER_MS } from '../time.ts'
import type { Us } from '../time.ts'

// The lexicon's `datetime`: RFC 3339 with `T`, seconds and a zone; `-00:00` is not allowed.
// https://atproto.com/specs/lexicon#datetime
const DATETIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$/
const MAX_LENGTH = 64

/**
 * The author's claim of when a record was made, in microseconds, cut off below that; 0 for before
 * 1970; undefined when it is unreadable, or names a moment that does not exist.
 */
export function parseCreatedAt(value: unknown): Us | undefined {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) {
    return undefined
  }
  const match = DATETIME.exec(value)
  if (match === null || value.endsWith('-00:00')) {
    return undefined
  }
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as SixNumbers
  const [, , , , , , , fraction = '', sign, zoneHour = '0', zoneMinute = '0'] = match
  if (!isMoment(year, month, day, hour, minute, second) || !isZone(+zoneHour, +zoneMinute)) {
    return undefined
  }
  const offsetMinutes = (+zoneHour * 60 + +zoneMinute) * (sign === '-' ? -1 : 1)
  const ms = utcMs(year, month, day, hour, minute - offsetMinutes, second)
  if (ms > LAST_MS) {
    return undefined
  }
  const us = ms * US_PER_MS + Number(fraction.slice(0, 6).padEnd(6, '0'))
  return Math.max(us, 0)
}

type SixNumbers = [number, number, number, number, number, number]

const LAST_MS = utcMs(9999, 12, 31, 23, 59, 59)

// `Date.UTC` takes years 0 to 99 for 1900 to 1999; `setUTCFullYear` does not.
function utcMs(...[year, month, day, hour, minute, second]: SixNumbers): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  return date.getTime()
}

function isMoment(...[year, month, day, hour, minute, second]: SixNumbers): boolean {
  return (
    year >= 1 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysInMonth(year, month) &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59
  )
}

function daysInMonth(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0
}

function isZone(hour: number, minute: number): boolean {
  return hour <= 23 && minute <= 59
}
