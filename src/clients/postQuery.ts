import type { Keyset } from '../feeds/cursor.ts'
import type { PostFilter } from '../posts/postFilter.ts'
import type { Us } from '../time.ts'

/** What a client asks for, read and canonical. */
export interface PostQuery {
  readonly tags: readonly string[]
  readonly match: 'any' | 'all'
  /** The id of the filter whose posts are asked for, instead of tags. */
  readonly filterId: number | undefined
  /** What else a post has to be: the tags are conditions of it too, but for those of a feed. */
  readonly filter: PostFilter
  /** Only by these accounts; undefined: by anybody. */
  readonly follows: ReadonlySet<string> | undefined
  readonly untilUs: Us | undefined
  /** Posts newer than this place, oldest first. */
  readonly since: Keyset | undefined
  /** All parameters but the limit and the cursor, as one text: what a cursor is good for. */
  readonly scope: string
}

/** Whether any post of its lists may be one that does not match. */
export function hasConditions(query: PostQuery): boolean {
  return query.follows !== undefined || needsFacts(query)
}

/** Whether facts of posts have to be looked at beyond the lists in which they are. */
export function needsFacts({ match, tags, filterId, filter }: PostQuery): boolean {
  const { noneTags, media, languages, noneLabels, onlyAuthors } = filter
  const hasAll = filterId === undefined && match === 'all' && tags.length > 1
  return (
    hasAll || [noneTags, media, languages, noneLabels, onlyAuthors].some((list) => list.length > 0)
  )
}
