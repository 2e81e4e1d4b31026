import type { PostFacts } from './postFacts.ts'
import type { Media, PostFilter } from './postFilter.ts'
import { MEDIA_BIT } from './storedCodes.ts'

/** A filter made ready for many posts. */
export type PostMatcher = (did: string, facts: PostFacts) => boolean

/** Turns a filter of a feed into a function: does a post by this account belong to the feed? */
export function createMatcher(filter: PostFilter): PostMatcher {
  const any = new Set(filter.anyTags)
  const none = new Set(filter.noneTags)
  const languages = new Set(filter.languages)
  const labels = new Set(filter.noneLabels)
  const only = new Set(filter.onlyAuthors)
  const noneAuthors = new Set(filter.noneAuthors)
  const maxTags = filter.maxTags ?? Number.POSITIVE_INFINITY
  return (did, { tags, media, languages: named, labels: self }) =>
    (any.size === 0 || tags.some((tag) => any.has(tag))) &&
    filter.allTags.every((tag) => tags.includes(tag)) &&
    !tags.some((tag) => none.has(tag)) &&
    tags.length <= maxTags &&
    (only.size === 0 || only.has(did)) &&
    !noneAuthors.has(did) &&
    (filter.media.length === 0 || filter.media.some((wanted) => hasMedia(media, wanted))) &&
    (languages.size === 0 || matchesLanguage(named, languages)) &&
    !self.some((label) => labels.has(label))
}

function hasMedia(bits: number, wanted: Media): boolean {
  return wanted === 'none' ? bits === 0 : (bits & MEDIA_BIT[wanted]) !== 0
}

function matchesLanguage(named: readonly string[], wanted: ReadonlySet<string>): boolean {
  return named.length === 0 ? wanted.has('und') : named.some((language) => wanted.has(language))
}
