import type { PostFacts } from './postFacts.ts'
import type { PostFilter } from './postFilter.ts'
import { createMatcher } from './postMatcher.ts'

/** The rule of a filter that keeps a post out. */
export type FilterRule =
  | 'tags'
  | 'without'
  | 'media'
  | 'languages'
  | 'labels'
  | 'authors'
  | 'maxTags'

const NOTHING: PostFilter = {
  anyTags: [],
  allTags: [],
  noneTags: [],
  media: [],
  languages: [],
  noneLabels: [],
  onlyAuthors: [],
  noneAuthors: [],
  maxTags: undefined,
}

/** The first rule of a filter that a post does not meet; undefined when it meets all. */
export function explainMatch(
  filter: PostFilter,
  did: string,
  facts: PostFacts,
): FilterRule | undefined {
  const { anyTags, allTags, noneTags, media, languages, noneLabels, maxTags } = filter
  const { onlyAuthors, noneAuthors } = filter
  // Each rule alone is a filter of its own: what decides here is what decides for the feed.
  const parts: readonly (readonly [FilterRule, Partial<PostFilter>])[] = [
    ['tags', { anyTags, allTags }],
    ['without', { noneTags }],
    ['maxTags', { maxTags }],
    ['authors', { onlyAuthors, noneAuthors }],
    ['media', { media }],
    ['languages', { languages }],
    ['labels', { noneLabels }],
  ]
  return parts.find(([, part]) => !createMatcher({ ...NOTHING, ...part })(did, facts))?.[0]
}
