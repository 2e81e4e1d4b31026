import { looseList, looseObject, looseText } from './loose.ts'
import type { LinkTarget, Segment } from './postView.ts'
import { isWebUrl } from './webUrl.ts'

const MAX_FACETS = 100
const MAX_LENGTH = 2_000
const FACET = 'app.bsky.richtext.facet'

interface Facet {
  readonly start: number
  readonly end: number
  readonly target: LinkTarget
}

/**
 * A text in parts, links where its facets say so. Facets count bytes of UTF-8. One that ends before it
 * begins, lies outside of the text, cuts a character, or overlaps with one before it is left out.
 */
export function readRichText(text: string, facets: unknown): Segment[] {
  const bytes = Buffer.from(text)
  const found = looseList(facets)
    .slice(0, MAX_FACETS)
    .flatMap((facet) => readFacet(facet, bytes) ?? [])
    .sort((a, b) => a.start - b.start)
  const segments: Segment[] = []
  let at = 0
  for (const { start, end, target } of found) {
    if (start >= at) {
      if (start > at) {
        segments.push({ text: bytes.toString('utf8', at, start) })
      }
      segments.push({ text: bytes.toString('utf8', start, end), target })
      at = end
    }
  }
  if (at < bytes.length) {
    segments.push({ text: bytes.toString('utf8', at) })
  }
  return segments
}

function readFacet(facet: unknown, bytes: Buffer): Facet | undefined {
  const { index, features } = looseObject(facet)
  const { byteStart: start, byteEnd: end } = looseObject(index)
  const [target] = looseList(features).flatMap((feature) => readTarget(feature) ?? [])
  return typeof start === 'number' &&
    typeof end === 'number' &&
    isBoundary(bytes, start) &&
    isBoundary(bytes, end) &&
    start < end &&
    target !== undefined
    ? { start, end, target }
    : undefined
}

/** Whether a character begins at a byte, or the text ends there. */
function isBoundary(bytes: Buffer, at: number): boolean {
  const isInside = Number.isSafeInteger(at) && at >= 0 && at <= bytes.length
  return isInside && ((bytes[at] ?? 0) & 0xc0) !== 0x80
}

function readTarget(feature: unknown): LinkTarget | undefined {
  const { $type, uri, did, tag } = looseObject(feature)
  switch ($type) {
    case `${FACET}#link`: {
      const url = looseText(uri, MAX_LENGTH)
      return isWebUrl(url) ? { kind: 'link', url } : undefined
    }
    case `${FACET}#mention`: {
      const mentioned = looseText(did, MAX_LENGTH)
      return /^did:[a-z]+:[\w.:%-]+$/u.test(mentioned)
        ? { kind: 'mention', did: mentioned }
        : undefined
    }
    case `${FACET}#tag`: {
      const named = looseText(tag, MAX_LENGTH)
      return named === '' ? undefined : { kind: 'tag', tag: named }
    }
    default:
      return undefined
  }
}
