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
/** Stands in no part but the last, which may hold anything. */
const SEPARATOR = '!'

/**
 * Packs a place into an opaque cursor that carries a check of itself and of its feed. The check is
 * no secret: it finds damage and mix-ups, and a forged place could reveal nothing.
 */
export function packCursor(scope: CursorScope, { indexedAt, cid, uri }: Keyset): string {
  const place = `${VERSION}${SEPARATOR}${indexedAt}${SEPARATOR}${cid}${SEPARATOR}${uri}`
  return checkOf(scope, place) + place
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
  const place = cursor.slice(CHECK_LENGTH)
  if (!place.startsWith(VERSION + SEPARATOR) || !cursor.startsWith(checkOf(scope, place))) {
    return undefined
  }
  const timeAt = VERSION.length + 1
  const cidAt = place.indexOf(SEPARATOR, timeAt) + 1
  const uriAt = place.indexOf(SEPARATOR, cidAt) + 1
  const indexedAt = Number(place.slice(timeAt, cidAt - 1))
  return uriAt > cidAt && Number.isSafeInteger(indexedAt)
    ? { indexedAt, cid: place.slice(cidAt, uriAt - 1), uri: place.slice(uriAt) }
    : undefined
}

function checkOf({ rkey, order }: CursorScope, place: string): string {
  return hash('sha256', `${order}\n${rkey}\n${place}`, 'base64url').slice(0, CHECK_LENGTH)
}
