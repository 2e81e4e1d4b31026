import { crc32 } from 'node:zlib'
import { RequestError } from '../errors.ts'

const VERSION = 'A'
const CHECK_LENGTH = 8

/**
 * Packs a place into an opaque cursor of one query. The check is no secret: it finds damage and mix-ups,
 * as in `feeds/cursor.ts`.
 */
export function packActivityCursor(scope: string, seq: number): string {
  const place = VERSION + seq.toString(36)
  return checkOf(scope, place) + place
}

/** @throws RequestError for every string that `packActivityCursor` has not made for this query */
export function parseActivityCursor(scope: string, cursor: string): number {
  const place = cursor.slice(CHECK_LENGTH)
  const seq = /^A[0-9a-z]{1,11}$/u.test(place) ? Number.parseInt(place.slice(1), 36) : -1
  if (!Number.isSafeInteger(seq) || seq < 0 || packActivityCursor(scope, seq) !== cursor) {
    throw new RequestError(
      'InvalidRequest',
      'cursor is not one of this query: ask again without it, or with the parameters that it was given for',
    )
  }
  return seq
}

function checkOf(scope: string, place: string): string {
  return crc32(`${scope}\n${place}`).toString(16).padStart(CHECK_LENGTH, '0')
}
