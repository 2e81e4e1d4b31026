/**
 * The rules for single texts of the feeds file: pure functions from a text to its checked form or to
 * what is wrong with it and what is allowed.
 */
import { isValidDid, isValidRecordKey } from '@atproto/syntax'
import { canonicalLanguage } from '../posts/canonicalLanguage.ts'
import { canonicalTag } from '../posts/canonicalTag.ts'
import { SELF_LABELS } from '../posts/postFilter.ts'
import { bad, good } from '../texts/decoded.ts'
import type { Decode, Decoded } from '../texts/decoded.ts'
import { findNearMiss } from '../texts/nearMiss.ts'
import { parseAtUri } from '../texts/parseAtUri.ts'
import { quote } from '../texts/quote.ts'
import { namesLanguage } from './namesLanguage.ts'

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })
export const POST = 'app.bsky.feed.post'
const DID_EXAMPLES = 'did:plc:… or did:web:…'

export function decodeRkey(text: string): Decoded<string> {
  return isValidRecordKey(text)
    ? good(text)
    : bad(
        `${quote(text)} is no record key, allowed: 1 to 512 of A-Z a-z 0-9 . _ : ~ - (not . or ..)`,
      )
}

interface TextLimits {
  readonly graphemes: number
  readonly bytes: number
}

export const NAME_LIMITS: TextLimits = { graphemes: 24, bytes: 240 }
export const DESCRIPTION_LIMITS: TextLimits = { graphemes: 300, bytes: 3_000 }

function findLengthFault(text: string, limits: TextLimits): string | undefined {
  if (!text.isWellFormed() || text.includes('\0')) {
    return 'NUL or half a surrogate pair, allowed: well-formed text'
  }
  const bytes = Buffer.byteLength(text)
  if (bytes > limits.bytes) {
    return `${bytes} bytes, allowed: ${limits.bytes}`
  }
  const count = [...graphemes.segment(text)].length
  return count > limits.graphemes ? `${count} characters, allowed: ${limits.graphemes}` : undefined
}

export function decodeName(text: string): Decoded<string> {
  const fault = findLengthFault(text, NAME_LIMITS)
  if (fault !== undefined) {
    return bad(fault)
  }
  return text.trim() === ''
    ? bad(`empty, allowed: 1 to ${NAME_LIMITS.graphemes} characters`)
    : good(text)
}

export function decodeDescription(text: string): Decoded<string> {
  const fault = findLengthFault(text, DESCRIPTION_LIMITS)
  return fault === undefined ? good(text) : bad(fault)
}

export function decodeAvatar(text: string): Decoded<string> {
  if (text.includes('://')) {
    return bad(`${quote(text)} is a URL, allowed: the path of a .png, .jpg or .jpeg file`)
  }
  return /[^/\\]\.(?:png|jpe?g)$/iu.test(text) && text.isWellFormed() && !text.includes('\0')
    ? good(text)
    : bad(`${quote(text)} is no picture, allowed: the path of a .png, .jpg or .jpeg file`)
}

/** A tag in canonical form. */
export function decodeTag(text: string): Decoded<string> {
  const tag = canonicalTag(text)
  return tag === undefined ? bad(`${quote(text)} is no tag: ${findTagFault(text)}`) : good(tag)
}

function findTagFault(text: string): string {
  if (!text.isWellFormed()) {
    return 'half a surrogate pair, allowed: well-formed text'
  }
  if (text.includes('\0')) {
    return 'NUL inside, allowed: any other character'
  }
  const hasContent = /[^\s#\p{Default_Ignorable_Code_Point}]/u.test(text.normalize('NFKC'))
  return hasContent
    ? 'too long, allowed: 64 characters'
    : 'nothing is left without # and blanks, allowed: 1 to 64 characters'
}

/** The canonical primary subtag of a BCP 47 tag that names a language, or `und`. */
export function decodeLanguage(text: string): Decoded<string> {
  const code = canonicalLanguage(text)
  if (code !== undefined && (code === 'und' || namesLanguage(code))) {
    return good(code)
  }
  const hint = spokenIn(text)
  const question = hint === undefined ? '' : ` (did you mean ${quote(hint)}?)`
  return bad(
    `${quote(text)} names no language${question}, allowed: codes of 2 or 3 letters such as en or ja, with a ` +
      'region such as en-US, or und',
  )
}

/** People write the code of a country for that of its language: `jp` for `ja`. */
function spokenIn(text: string): string | undefined {
  if (!/^[a-z]{2}$/iu.test(text)) {
    return undefined
  }
  const { language } = new Intl.Locale(`und-${text}`).maximize()
  // English is what it says of countries that it does not know.
  return language === 'und' || language === 'en' ? undefined : language
}

export function decodeLabel(text: string): Decoded<string> {
  if (SELF_LABELS.some((label) => label === text)) {
    return good(text)
  }
  const nearMiss = findNearMiss(text, SELF_LABELS)
  const question = nearMiss === undefined ? '' : ` (did you mean ${quote(nearMiss)}?)`
  return bad(
    `${quote(text)} is no label that authors give their posts${question}, allowed: ${SELF_LABELS.join(', ')}`,
  )
}

/** The DID of an account. */
export function decodeDid(text: string): Decoded<string> {
  if (isAccountDid(text)) {
    return good(text)
  }
  if (!text.startsWith('did:') && /^@?[^/\s]+\.[^/\s.]+$/u.test(text)) {
    return bad(
      `${quote(text)} is a handle, which can change; use the DID, allowed: ${DID_EXAMPLES}`,
    )
  }
  return bad(`${quote(text)} is no DID of an account, allowed: ${DID_EXAMPLES}`)
}

function isAccountDid(text: string): boolean {
  return /^did:(?:plc|web):/u.test(text) && isValidDid(text)
}

/** The at-uri of a post, in DID form. */
export function decodePostUri(text: string): Decoded<string> {
  const { authority = '', collection, rkey = '' } = parseAtUri(text) ?? {}
  const isPost = collection === POST && isValidRecordKey(rkey)
  if (isPost && isAccountDid(authority)) {
    return good(text)
  }
  const allowed = `allowed: at://DID/${POST}/RKEY`
  return isPost && !authority.startsWith('did:')
    ? bad(`${quote(text)} names its author by handle; use the DID, ${allowed}`)
    : bad(`${quote(text)} is no at-uri of a post, ${allowed}`)
}

/** A post by at-uri, or an author by DID. */
export function decodeFeatured(text: string): Decoded<string> {
  if (text.startsWith('at:')) {
    return decodePostUri(text)
  }
  const decoded = decodeDid(text)
  return decoded.ok ? decoded : bad(`${decoded.reasons.join('; ')}, or at://DID/${POST}/RKEY`)
}

/** One of a fixed set of words; `offered` are those that a problem names. */
export function oneOf<Choice extends string>(
  choices: readonly Choice[],
  offered: readonly Choice[] = choices,
): Decode<Choice> {
  return (text) => {
    const choice = choices.find((each) => each === text)
    return choice === undefined
      ? bad(`${quote(text)} is unknown, allowed: ${offered.join(', ')}`)
      : good(choice)
  }
}
