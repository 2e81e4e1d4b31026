import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalTag } from './canonicalTag.ts'

const FAMILY = '👨\u200D👩\u200D👧'

describe('canonicalTag', () => {
  test.each([
    ['a plain tag stays', 'art', 'art'],
    ['case does not matter', 'JavaScript', 'javascript'],
    ['a leading # goes', '#art', 'art'],
    ['every leading # goes', '##double', 'double'],
    ['a full-width # goes', '＃日本語', '日本語'],
    ['blanks and # go together', ' # \u3000#\tart', 'art'],
    ['blanks at the end go', 'art \u3000\n', 'art'],
    ['a # at the end stays', 'c#', 'c#'],
    ['blanks and # inside stay', 'a,#b c', 'a,#b c'],
    ['punctuation stays', 'c++', 'c++'],
    ['a hyphen, an underscore and a dot stay', 'foo-bar_baz.qux', 'foo-bar_baz.qux'],
    ['a cashtag keeps its $', '$TSLA', '$tsla'],
    ['digits are a tag', '123', '123'],
    ['Arabic digits stay as they are', '٣٤', '٣٤'],
    ['composed é stays', 'caf\u00E9', 'caf\u00E9'],
    ['decomposed é is composed', 'cafe\u0301', 'caf\u00E9'],
    ['a ligature comes apart', 'ﬁlm', 'film'],
    ['full-width letters are narrow', 'Ｃａｔ', 'cat'],
    ['half-width kana are wide', 'ｶﾞ', 'ガ'],
    ['jamo are joined', '\u1112\u1161\u11AB', '한'],
    ['a dotted capital I is an i', 'İstanbul', 'istanbul'],
    ['dots after an i go', 'i\u0307\u0307x', 'ix'],
    ['a dot after another letter stays', 'x\u0307', '\u1E8B'],
    ['a dotless ı is another letter', 'ılık', 'ılık'],
    ['a final sigma is a sigma', 'ΟΔΟΣ', 'οδοσ'],
    ['a written final sigma is one too', 'οδος', 'οδοσ'],
    ['ß stays', 'Straße', 'straße'],
    ['a capital ẞ is a ß', 'STRAẞE', 'straße'],
    ['a variation selector goes', 'tag\uFE0F', 'tag'],
    ['a heart is the same with a selector', '❤\uFE0F', '❤'],
    ['a zero-width space goes', 'foo\u200Bbar', 'foobar'],
    ['a soft hyphen goes', 'foo\u00ADbar', 'foobar'],
    ['joiners of emoji go', FAMILY, '👨👩👧'],
    ['an ignorable before a # goes too', '\u200B#art', 'art'],
    ['a spaced accent keeps its accent alone at the start', '\u00A8a', '\u0308a'],
    ['a mark behind an ignorable counts as behind the i', 'i\u0345\u200D\u0307', 'i\u0345'],
    ['names of properties are plain tags', '__proto__', '__proto__'],
  ])('%s', (_, text, tag) => {
    expect(canonicalTag(text)).toBe(tag)
  })

  test.each([
    ['an empty text', ''],
    ['blanks', ' \u3000\t'],
    ['nothing but #', '# ＃ #'],
    ['nothing but ignorable characters', '\uFE0F\u200D\u00AD'],
    ['a # with a variation selector', '#\uFE0F'],
    ['NUL alone', '\0'],
    ['NUL inside', 'a\0b'],
    ['a high surrogate alone', 'a\uD83D'],
    ['a low surrogate alone', '\uDC31a'],
    ['65 letters', 'a'.repeat(65)],
    ['65 other characters', 'あ'.repeat(65)],
    ['a text whose compatible form has over 64 characters', '\uFDFA'.repeat(4)],
    ['a text beyond all measure', 'a'.repeat(1_000_000)],
    ['one letter whose marks are beyond all measure in NFKC', `a${'\u0344'.repeat(6_000)}`],
  ])('%s is no tag', (_, text) => {
    expect(canonicalTag(text)).toBeUndefined()
  })

  test.each([
    ['letters', 'a'.repeat(64), 'a'.repeat(64)],
    ['flags, two code points each', '🇯🇵'.repeat(64), '🇯🇵'.repeat(64)],
    ['letters with marks', 'g\u0308\u0323'.repeat(64), 'g\u0323\u0308'.repeat(64)],
    ['letters after # and blanks', `## ${'B'.repeat(64)} `, 'b'.repeat(64)],
  ])('64 characters are allowed: %s', (_, text, tag) => {
    expect(canonicalTag(text)).toBe(tag)
  })
})

const NASTY = Array.from(
  'Iiı\u0130\u0307\u0323\u0345\u0300\u0344\u034FΣςσ\uFE0F\u200D\u200B\u00AD\u180E\uFEFF＃# ' +
    '\u00A8\u3000\u00A0\u2028\u0085\u037A\u1FBDßẞﬁﬃ가\u1100\u1161\u11A8\u3164\uFFA0\u115F\uFDFA' +
    '𝕀ⅈK\0😀🇯aA1\uD83Da\uDC31',
)

describe('canonicalTag of any text', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(...NASTY), maxLength: 20 }),
    fc.string({ unit: fc.nat(0xff_ff).map((unit) => String.fromCharCode(unit)), maxLength: 20 }),
  )

  test('is its own canonical form', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const tag = canonicalTag(text)
        fc.pre(tag !== undefined)
        expect(canonicalTag(tag)).toBe(tag)
      }),
      { numRuns: 3_000 },
    )
  })

  test('is its own canonical form for every pair of nasty characters, also between i and a dot', () => {
    const unstable = NASTY.flatMap((a) =>
      NASTY.flatMap((b) => [a + b, `i${a}${b}\u0307`])
        .map((text) => canonicalTag(text))
        .filter((tag) => tag !== undefined && canonicalTag(tag) !== tag),
    )
    expect(unstable).toEqual([])
  })

  test('is well-formed, in NFKC, without blanks around it, and at most 64 characters long', () => {
    const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })
    fc.assert(
      fc.property(texts, (text) => {
        const tag = canonicalTag(text)
        fc.pre(tag !== undefined)
        expect(tag).toBe(tag.normalize('NFKC').trim().toLowerCase())
        expect(tag.isWellFormed()).toBe(true)
        expect(tag).not.toMatch(/^#|\0|\p{Default_Ignorable_Code_Point}/u)
        expect(Array.from(graphemes.segment(tag)).length).toBeLessThanOrEqual(64)
      }),
      { numRuns: 2_000 },
    )
  })

  test('does not depend on a # before it, its composition, or blanks around it', () => {
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(text.length < 1_000)
        expect(canonicalTag(`# ${text} `)).toBe(canonicalTag(text))
        expect(canonicalTag(text.normalize('NFD'))).toBe(canonicalTag(text))
      }),
      { numRuns: 2_000 },
    )
  })
})
