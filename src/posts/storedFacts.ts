import { canonicalLanguage } from './canonicalLanguage.ts'
import type { PostFacts } from './postFacts.ts'

/** The columns of `post` that hold its facts. */
export interface StoredFacts {
  readonly tags: string
  readonly media: number
  readonly languages: string
  readonly labels: string
}

/** Facts as columns; a post without facts has no tags. */
export function packFacts(facts: PostFacts | undefined): StoredFacts {
  return {
    tags: JSON.stringify(facts?.tags ?? []),
    media: facts?.media ?? 0,
    languages: JSON.stringify(facts?.languages ?? []),
    labels: JSON.stringify(facts?.labels ?? []),
  }
}

/** The facts of a stored post, undefined when it has no tags now. */
export function unpackFacts(row: StoredFacts): PostFacts | undefined {
  const tags = JSON.parse(row.tags) as string[]
  if (tags.length === 0) {
    return undefined
  }
  // Rows of versions before this one hold the codes as the posts have them, such as `iw`.
  const stored = JSON.parse(row.languages) as string[]
  const languages = [...new Set(stored.map((code) => canonicalLanguage(code) ?? code))]
  const labels = JSON.parse(row.labels) as string[]
  return { tags, media: row.media, languages, labels }
}
