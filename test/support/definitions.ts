import type { FeedDefinition } from '../../src/feeds/feedDefinition.ts'
import type { PostFilter } from '../../src/posts/postFilter.ts'

const NO_FILTER: PostFilter = {
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

/** A filter of which only some parts are set. */
export function filterOf(parts: Partial<PostFilter>): PostFilter {
  return { ...NO_FILTER, ...parts }
}

/** A recent feed of which only some parts are set; its tag is its record key. */
export function feedOf(rkey: string, parts: Partial<FeedDefinition> = {}): FeedDefinition {
  return {
    rkey,
    name: rkey,
    description: '',
    avatar: undefined,
    order: 'recent',
    filter: filterOf({ anyTags: [rkey] }),
    pinned: undefined,
    contentMode: undefined,
    acceptsInteractions: undefined,
    trending: undefined,
    ...parts,
  }
}
