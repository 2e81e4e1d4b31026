import { parseLanguageString } from '@atproto/syntax'

/** The pattern of a language tag runs out of stack on a text of megabytes; none is this long. */
const MAX_LANGUAGE_LENGTH = 256

const known = new Map<string, string | undefined>()
/** Posts bring any text; the tags that are in use are a few hundred. */
const MAX_KNOWN = 5_000

/**
 * The primary subtag of a BCP 47 tag as `Intl.getCanonicalLocales` makes it, so that all codes of a
 * language are one: `iw` and `heb` are `he`. Undefined for what is no such tag.
 */
export function canonicalLanguage(tag: string): string | undefined {
  if (tag.length > MAX_LANGUAGE_LENGTH) {
    return undefined
  }
  if (!known.has(tag)) {
    if (known.size >= MAX_KNOWN) {
      known.clear()
    }
    known.set(tag, canonicalize(tag))
  }
  return known.get(tag)
}

function canonicalize(tag: string): string | undefined {
  const primary = parseLanguageString(tag.toLowerCase())?.language?.split('-')[0]
  if (primary === undefined) {
    return undefined
  }
  // BCP 47 has forms, such as zh-yue, that Unicode's locales have not: there the first part says it.
  return primaryOf(tag) ?? primaryOf(primary)
}

function primaryOf(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0]?.split('-')[0]
  } catch {
    // RangeError is how it says no.
    return undefined
  }
}
