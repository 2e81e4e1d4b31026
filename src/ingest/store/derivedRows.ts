import type { StoredFilter } from '../../posts/filters.ts'
import type { PostFacts } from '../../posts/postFacts.ts'
import { postUri } from '../../posts/postUri.ts'
import { tagKey } from '../../posts/tagKey.ts'
import type { KeepTag } from '../events/projectEvent.ts'

/** A visible post, ready to be put under its tags and filters. */
export interface VisiblePost {
  readonly id: number
  readonly did: string
  readonly rkey: string
  readonly cid: string
  readonly indexedAt: number
  readonly facts: PostFacts
}

export interface DerivedRows {
  readonly tags: [tag: string, indexedAt: number, cid: string, uri: string, postId: number][]
  readonly filters: [
    filterId: number,
    indexedAt: number,
    cid: string,
    uri: string,
    postId: number,
  ][]
  readonly authors: [filterId: number, did: string, indexedAt: number, cid: string, rkey: string][]
}

/**
 * The rows under which posts are found: a pure function of the posts, the filters and which tags are
 * looked up at all.
 */
export function deriveRows(
  posts: readonly VisiblePost[],
  filters: readonly StoredFilter[],
  keepTag: KeepTag,
): DerivedRows {
  const rows: DerivedRows = { tags: [], filters: [], authors: [] }
  for (const { id, did, rkey, cid, indexedAt, facts } of posts) {
    const uri = postUri(did, rkey)
    for (const tag of facts.tags) {
      if (keepTag(tag)) {
        rows.tags.push([tagKey(tag), indexedAt, cid, uri, id])
      }
    }
    for (const filter of filters) {
      if (filter.matches(did, facts)) {
        rows.filters.push([filter.id, indexedAt, cid, uri, id])
        if (filter.isByAuthor) {
          rows.authors.push([filter.id, did, indexedAt, cid, rkey])
        }
      }
    }
  }
  return rows
}
