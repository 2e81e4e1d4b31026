import { crc32 } from 'node:zlib'
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

/** A capital, so that a cursor whose case has been changed on its way is a damaged one. */
const VERSION = 'B'
const CHECK_LENGTH = 8
const MAX_LENGTH = 4_096
/** Stands in no number, cid or at-uri. */
const SEPARATOR = '!'

/** A forged place with a right check may hold what Postgres takes in no text, such as NUL. */
const PRINTABLE = /^[!-~]+$/

/** Nearly every post's at-uri has these between its two parts that tell it from others. */
const DID_START = 'at://did:plc:'
const COLLECTION = '/app.bsky.feed.post/'
const IDENTIFIER_LENGTH = 24
const IDENTIFIER_END = DID_START.length + IDENTIFIER_LENGTH

/** Packs a place into an opaque cursor. */
export function packCursor(scope: CursorScope, { indexedAt, cid, uri }: Keyset): string {
  return sealCursor(scope, `${indexedAt}${SEPARATOR}${cid}${SEPARATOR}${shorten(uri)}`)
}

/** @throws RequestError for every string that `packCursor` has not made for this feed and order */
export function parseCursor(scope: CursorScope, cursor: string): Keyset {
  const text = openCursor(scope, cursor)
  const cidAt = text.indexOf(SEPARATOR) + 1
  const uriAt = text.indexOf(SEPARATOR, cidAt) + 1
  const indexedAt = Number(text.slice(0, cidAt - 1))
  if (cidAt === 0 || uriAt <= cidAt || !Number.isSafeInteger(indexedAt)) {
    throw malformed()
  }
  return { indexedAt, cid: text.slice(cidAt, uriAt - 1), uri: lengthen(text.slice(uriAt)) }
}

/** A short cursor without characters that have to be escaped in a URL is read in half the time. */
function shorten(uri: string): string {
  return uri.startsWith(DID_START) && uri.startsWith(COLLECTION, IDENTIFIER_END)
    ? uri.slice(DID_START.length, IDENTIFIER_END) +
        SEPARATOR +
        uri.slice(IDENTIFIER_END + COLLECTION.length)
    : uri
}

function lengthen(short: string): string {
  return short[IDENTIFIER_LENGTH] === SEPARATOR
    ? DID_START +
        short.slice(0, IDENTIFIER_LENGTH) +
        COLLECTION +
        short.slice(IDENTIFIER_LENGTH + SEPARATOR.length)
    : short
}

/** A place in a ranking: the post of that rank was the last of the page before. */
export interface RankPlace {
  readonly generation: number
  readonly rank: number
}

export function packRank(scope: CursorScope, { generation, rank }: RankPlace): string {
  return sealCursor(scope, `${generation}${SEPARATOR}${rank}`)
}

/** @throws RequestError for every string that `packRank` has not made for this feed and order */
export function parseRank(scope: CursorScope, cursor: string): RankPlace {
  const [generation = NaN, rank = NaN, ...rest] = openCursor(scope, cursor)
    .split(SEPARATOR)
    .map(Number)
  if (!Number.isSafeInteger(generation) || !Number.isSafeInteger(rank) || rest.length > 0) {
    throw malformed()
  }
  return { generation, rank }
}

/**
 * A cursor carries a check of itself and of its feed. The check is no secret: it finds damage and
 * mix-ups, for which a CRC is made, and a forged place could reveal nothing. A digest of the crypto
 * module would cost a page several microseconds of fifty.
 */
function sealCursor(scope: CursorScope, text: string): string {
  const place = VERSION + SEPARATOR + text
  return checkOf(scope, place) + place
}

function openCursor(scope: CursorScope, cursor: string): string {
  const place = cursor.length <= MAX_LENGTH ? cursor.slice(CHECK_LENGTH) : ''
  if (
    !place.startsWith(VERSION + SEPARATOR) ||
    !cursor.startsWith(checkOf(scope, place)) ||
    !PRINTABLE.test(place)
  ) {
    throw malformed()
  }
  return place.slice(VERSION.length + SEPARATOR.length)
}

function malformed(): RequestError {
  return new RequestError(
    'InvalidRequest',
    'Malformed cursor: start again from the top of the feed',
  )
}

function checkOf({ rkey, order }: CursorScope, place: string): string {
  return crc32(`${order}\n${rkey}\n${place}`).toString(16).padStart(CHECK_LENGTH, '0')
}
