const MAX_GRAPHEMES = 64
// A grapheme can be many code points, but no tag of 64 graphemes that a person writes comes near this.
const MAX_CODE_UNITS = 10_000

const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu
const LEADING = /^[\s#]+/u
const DOTS_AFTER_I = /i\u0307+/gu
const ASCII_SIMPLE = /^[a-z0-9_-]{1,64}$/

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })

/**
 * The one form in which a tag is stored and compared (contract, section 4), or undefined when the
 * text is no tag: empty, over 64 graphemes, or holding NUL or a lone surrogate. Idempotent: the
 * canonical form of a canonical form is itself.
 */
export function canonicalTag(text: string): string | undefined {
  if (ASCII_SIMPLE.test(text)) {
    return text
  }
  if (text.length > MAX_CODE_UNITS || !text.isWellFormed()) {
    return undefined
  }
  const tag = foldUntilStable(text)
  // NFKC can make a text longer: the limit must hold for the result too, or it would be no tag itself.
  if (tag === '' || tag.length > MAX_CODE_UNITS || tag.includes('\0')) {
    return undefined
  }
  return isWithinLimit(tag) ? tag : undefined
}

/**
 * One pass is not always enough: taking out an ignorable character can bring marks together that NFKC
 * sorts only at the end, as in i, U+0345, U+200D, U+0307. It ends: on a text that was folded, a pass
 * only takes characters away.
 */
function foldUntilStable(text: string): string {
  let tag = fold(text)
  for (let before = text; before !== tag;) {
    before = tag
    tag = fold(before)
  }
  return tag
}

function fold(text: string): string {
  return text
    .normalize('NFKC')
    .replace(IGNORABLE, '')
    .replace(LEADING, '')
    .trimEnd()
    .toLowerCase()
    .replace(DOTS_AFTER_I, 'i')
    .replaceAll('ς', 'σ')
    .normalize('NFKC')
}

function isWithinLimit(text: string): boolean {
  // No grapheme is shorter than a code unit, and nearly every tag is short.
  if (text.length <= MAX_GRAPHEMES) {
    return true
  }
  let count = 0
  for (const _ of graphemes.segment(text)) {
    count += 1
    if (count > MAX_GRAPHEMES) {
      return false
    }
  }
  return true
}
