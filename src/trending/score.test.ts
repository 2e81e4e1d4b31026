import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_TRENDING } from '../feedfile/readTrending.ts'
import { authorPenalty, scorePost } from './score.ts'

const NONE = { likes: 0, replies: 0, reposts: 0, quotes: 0, views: 0 }
const options = DEFAULT_TRENDING

describe('the score of a post', () => {
  // Worked out by hand: 4^1.5 = 8, 9^1.5 = 27, 0.1^1.5 = 0.0316227766..., 2.25^1.5 = 3.375.
  test.each([
    ['one like, four hours', { ...NONE, likes: 1 }, 4, false, 1 / 8],
    [
      'ten of each, four hours',
      { likes: 10, replies: 10, reposts: 10, quotes: 10, views: 10 },
      4,
      false,
      81 / 8,
    ],
    ['replies count twice', { ...NONE, replies: 4 }, 1, false, 8],
    ['reposts count twice', { ...NONE, reposts: 4 }, 1, false, 8],
    ['quotes count three times', { ...NONE, quotes: 9 }, 9, false, 1],
    ['views count a tenth', { ...NONE, views: 27 }, 9, false, 0.1],
    ['featured counts half as much again', { ...NONE, likes: 27 }, 9, true, 1.5],
    [
      'a post of this second is six minutes old',
      { ...NONE, likes: 1 },
      0,
      false,
      31.622776601683793,
    ],
    ['and one of six minutes as well', { ...NONE, likes: 1 }, 0.1, false, 31.622776601683793],
    ['a quarter past two hours', { ...NONE, likes: 27 }, 2.25, false, 8],
    ['nothing', NONE, 1, true, 0],
  ])('%s', (_name, counts, ageHours, isFeatured, expected) => {
    expect(scorePost({ counts, ageHours, isFeatured }, options)).toBeCloseTo(expected, 9)
  })

  test('follows every knob', () => {
    const weights = { likes: 2, replies: 0, reposts: 5, quotes: 7, views: 1 }
    const knobs = { weights, gravity: 2, minAgeHours: 3, featuredBoost: 4 }
    const counts = { likes: 1, replies: 100, reposts: 1, quotes: 1, views: 4 }
    expect(scorePost({ counts, ageHours: 1, isFeatured: true }, knobs)).toBeCloseTo(8, 9)
  })

  const counts = fc.record({
    likes: fc.nat(),
    replies: fc.nat(),
    reposts: fc.nat(),
    quotes: fc.nat(),
    views: fc.nat(),
  })
  const ages = fc.double({ min: 0, max: 10_000, noNaN: true })
  const kinds = fc.constantFrom('likes', 'replies', 'reposts', 'quotes', 'views')

  test('is never lowered by more engagement', () => {
    fc.assert(
      fc.property(counts, ages, kinds, fc.boolean(), (some, ageHours, kind, isFeatured) => {
        const more = { ...some, [kind]: some[kind] + 1 }
        const before = scorePost({ counts: some, ageHours, isFeatured }, options)
        expect(scorePost({ counts: more, ageHours, isFeatured }, options)).toBeGreaterThanOrEqual(
          before,
        )
      }),
    )
  })

  test('is never raised by age', () => {
    fc.assert(
      fc.property(counts, ages, ages, (some, age, older) => {
        const young = scorePost({ counts: some, ageHours: age, isFeatured: false }, options)
        const old = scorePost({ counts: some, ageHours: age + older, isFeatured: false }, options)
        expect(old).toBeLessThanOrEqual(young)
      }),
    )
  })
})

test("the author's k-th best post counts half of the one before", () => {
  expect([1, 2, 3, 4].map((k) => authorPenalty(k, 0.5))).toEqual([1, 0.5, 0.25, 0.125])
  expect([1, 2, 3].map((k) => authorPenalty(k, 0))).toEqual([1, 0, 0])
  expect([1, 2, 3].map((k) => authorPenalty(k, 1))).toEqual([1, 1, 1])
})
