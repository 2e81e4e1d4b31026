import { crc32 } from 'node:zlib'
import { RequestError } from '../errors.ts'
import type { Keyset } from '../feeds/cursor.ts'

const VERSION = 'P'
const CHECK_LENGTH = 8
const MAX_LENGTH = 2_048
/** Stands in no number, cid or at-uri. */
const SEPARATOR = '!'
const PRINTABLE = /^[!-~]+$/u

/**
 * Packs a place into an opaque text that is good for one scope: the parameters of a query. The check is no
 * secret: it finds damage and mix-ups, as in `feeds/cursor.ts`.
 */
export function packPlace(scope: string, { indexedAt, cid, uri }: Keyset): string {
  return seal(scope, [indexedAt, cid, uri].join(SEPARATOR))
}

/** Undefined for every text that `packPlace` has not made for this scope. */
export function parsePlace(scope: string, text: string): Keyset | undefined {
  const [time = '', cid = '', uri = '', ...rest] = unseal(scope, text)?.split(SEPARATOR) ?? []
  const indexedAt = /^-?\d{1,16}$/u.test(time) ? Number(time) : NaN
  return Number.isSafeInteger(indexedAt) && rest.length === 0 ? { indexedAt, cid, uri } : undefined
}

/** A place in a named ranking: the post of that rank was the last of the page before. */
export interface RankPlace {
  readonly ranking: string
  readonly rank: number
}

/** The same for a place in a ranking. */
export function packRankPlace(scope: string, { ranking, rank }: RankPlace): string {
  return seal(scope, [ranking, rank].join(SEPARATOR))
}

export function parseRankPlace(scope: string, text: string): RankPlace | undefined {
  const [ranking = '', rank = '', ...rest] = unseal(scope, text)?.split(SEPARATOR) ?? []
  const isGood = /^[\w-]{1,40}$/u.test(ranking) && /^\d{1,9}$/u.test(rank) && rest.length === 0
  return isGood ? { ranking, rank: Number(rank) } : undefined
}

export function badCursor(): RequestError {
  return new RequestError(
    'InvalidRequest',
    'cursor is not one of this query: ask again without it, or with the parameters that it was given for',
  )
}

function seal(scope: string, text: string): string {
  const place = VERSION + text
  return Buffer.from(checkOf(scope, place) + place, 'latin1').toString('base64url')
}

function unseal(scope: string, text: string): string | undefined {
  if (text.length > MAX_LENGTH || !/^[\w-]+$/u.test(text)) {
    return undefined
  }
  const bytes = Buffer.from(text, 'base64url')
  const plain = bytes.toString('latin1')
  const place = plain.slice(CHECK_LENGTH)
  const isGood =
    bytes.toString('base64url') === text &&
    place.startsWith(VERSION) &&
    PRINTABLE.test(place) &&
    plain.startsWith(checkOf(scope, place))
  return isGood ? place.slice(VERSION.length) : undefined
}

function checkOf(scope: string, place: string): string {
  return crc32(`${scope}\n${place}`).toString(16).padStart(CHECK_LENGTH, '0')
}
