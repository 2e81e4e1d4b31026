import fc from 'fast-check'
import { expect, test } from 'vitest'
import { filterOf } from '../../test/support/definitions.ts'
import { explainMatch } from './explainMatch.ts'
import { MEDIA } from './postFilter.ts'
import { createMatcher } from './postMatcher.ts'

const some = <T>(...values: T[]): fc.Arbitrary<T[]> => fc.subarray(values)
const dids = ['did:plc:a', 'did:plc:b', 'did:plc:c']

test('an explanation never disagrees with the filter', () => {
  const filter = fc.record({
    anyTags: some('art', 'cats'),
    allTags: some('art', 'blue'),
    noneTags: some('ai', 'cats'),
    media: some(...MEDIA),
    languages: some('en', 'ja', 'und'),
    noneLabels: some('porn', 'bot'),
    onlyAuthors: some(...dids),
    noneAuthors: some(...dids),
    maxTags: fc.option(fc.nat(4), { nil: undefined }),
  })
  const facts = fc.record({
    tags: some('art', 'cats', 'blue', 'ai', 'x'),
    media: fc.nat(7),
    languages: some('en', 'ja', 'de'),
    labels: some('porn', 'bot', 'x'),
  })
  fc.assert(
    fc.property(filter, facts, fc.constantFrom(...dids), (parts, post, did) => {
      const whole = filterOf(parts)
      expect(explainMatch(whole, did, post) === undefined).toBe(createMatcher(whole)(did, post))
    }),
  )
})
