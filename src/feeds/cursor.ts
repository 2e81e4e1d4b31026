import { hash } from 'node:crypto'
import { RequestError } from '../errors.ts'
import type { Us } from '../time.ts'
import type { Order } from './feedDefinition.ts'

/** The place of a post in a recent feed; equal records in two repositories share a cid. */
export interface Keyset {
  readonly indexedAt: Us
  readonly cid: string
  readonly uri: string
}

/** Before the newest post: where page 1 starts. */
export const TOP: Keyset = { indexedAt: Number.MAX_SAFE_INTEGER, cid: '', uri: '' }

/** What a cursor is good for; it is refused everywhere else. */
export interface CursorScope {
  readonly rkey: string
  readonly order: Order
}

const VERSION = '1'
const CHECK_LENGTH = 12
const MAX_LENGTH = 4_096
const SEPARATOR = ' '

/**
 * Packs a place into an opaque cursor that carries a check of itself and of its feed. The check is
 * no secret: it finds damage and mix-ups, and a forged place could reveal nothing.
 */
export function packCursor(scope: CursorScope, { indexedAt, cid, uri }: Keyset): string {
  const place = [VERSION, indexedAt, cid, uri].join(SEPARATOR)
  return Buffer.from(`${checkOf(scope, place)}${place}`, 'latin1').toString('base64url')
}

/** @throws RequestError for every string that `packCursor` has not made for this feed and order */
export function parseCursor(scope: CursorScope, cursor: string): Keyset {
  const keyset = cursor.length <= MAX_LENGTH ? unpack(scope, cursor) : undefined
  if (keyset === undefined) {
    throw new RequestError(
      'InvalidRequest',
      'Malformed cursor: start again from the top of the feed',
    )
  }
  return keyset
}

function unpack(scope: CursorScope, cursor: string): Keyset | undefined {
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  // Decoding passes over what is not base64url, and ignores the last bits: only one spelling counts.
  if (Buffer.from(text, 'latin1').toString('base64url') !== cursor) {
    return undefined
  }
  const place = text.slice(CHECK_LENGTH)
  if (text.slice(0, CHECK_LENGTH) !== checkOf(scope, place)) {
    return undefined
  }
  const [version, indexedAt = '', cid = '', uri = '', ...rest] = place.split(SEPARATOR)
  return version === VERSION && rest.length === 0 && /^\d{1,16}$/.test(indexedAt)
    ? { indexedAt: Number(indexedAt), cid, uri }
    : undefined
}

function checkOf({ rkey, order }: CursorScope, place: string): string {
  return hash('sha256', `${order}\n${rkey}\n${place}`, 'base64url').slice(0, CHECK_LENGTH)
}
