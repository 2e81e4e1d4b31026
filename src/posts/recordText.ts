/**
 * How a record is stored: its JSON, in which phrases that most records have are one control character
 * each. JSON escapes control characters, so that none of these occurs in it otherwise. Decision 0016 has
 * the figures. A phrase never changes and none is taken away: what is stored by one version is read by the
 * next.
 */

/** The first is U+0001; there is room up to U+001E. U+001F separates values on their way from Postgres. */
const PHRASES = [
  '"$type":"app.bsky.feed.post","createdAt":"20',
  '{"$type":"app.bsky.richtext.facet#tag","tag":"',
  '{"$type":"app.bsky.richtext.facet#link","uri":"https://',
  '{"$type":"app.bsky.richtext.facet#mention","did":"did:plc:',
  '"$type":"app.bsky.richtext.facet"',
  '],"index":{"byteEnd":',
  '],"index":{"byteStart":',
  ',"byteStart":',
  ',"byteEnd":',
  '"facets":[{"features":[',
  '}},{"features":[',
  ',"langs":["en"],',
  ',"langs":["',
  '"text":"',
  '"embed":{"$type":"app.bsky.embed.',
  'images","images":[{"alt":"',
  'external","external":{"description":"',
  'recordWithMedia","media":{"$type":"app.bsky.embed.',
  '"$type":"com.atproto.label.defs#selfLabels","values":[{"val":"',
  ',"aspectRatio":{"height":',
  ',"width":',
  '{"$type":"blob","ref":{"$link":"bafkrei',
  '"},"mimeType":"image/jpeg","size":',
  '"},"mimeType":"',
  '"image":',
  '"thumb":',
  '"title":"',
  '"uri":"https://',
  'at://did:plc:',
  '/app.bsky.feed.post/3',
] as const

/** Larger records are not kept: the largest that a client makes has a tenth of it. Characters of JSON. */
export const MAX_RECORD_LENGTH = 65_536

const CODES = new Map<string, string>(
  PHRASES.map((phrase, index) => [phrase, String.fromCharCode(index + 1)]),
)
const ANY_PHRASE = new RegExp(
  PHRASES.toSorted((a, b) => b.length - a.length)
    .map((phrase) => phrase.replace(/[$.*+?^(){}|[\]\\]/gu, '\\$&'))
    .join('|'),
  'gu',
)
const FIRST_PRINTABLE = 0x20

/** A record as it is stored; null for one that is too large. */
export function packRecord(record: object): string | null {
  let json
  try {
    json = JSON.stringify(record)
  } catch (error) {
    // Nested more deeply than the stack allows: `JSON.parse` has no such limit.
    if (error instanceof RangeError) {
      return null
    }
    throw error
  }
  return json.length > MAX_RECORD_LENGTH
    ? null
    : json.replace(ANY_PHRASE, (phrase) => CODES.get(phrase) ?? phrase)
}

/** The JSON of a record that was stored. */
export function unpackRecord(stored: string): string {
  let json = ''
  let from = 0
  for (let index = 0; index < stored.length; index += 1) {
    const code = stored.charCodeAt(index)
    if (code < FIRST_PRINTABLE) {
      json += stored.slice(from, index) + (PHRASES[code - 1] ?? '')
      from = index + 1
    }
  }
  return from === 0 ? stored : json + stored.slice(from)
}
