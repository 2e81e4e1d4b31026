import { ConfigError } from '../../src/errors.ts'
import { parseFeedFile } from '../../src/feedfile/feedFile.ts'
import type { FeedFileOptions } from '../../src/feedfile/feedFile.ts'
/** Texts of feeds files for the tests of their reader. */
import { ORDERS } from '../../src/feeds/feedDefinition.ts'
import type { FeedDefinition } from '../../src/feeds/feedDefinition.ts'

export const ALL_ORDERS: FeedFileOptions = { orders: ORDERS }
export const FEED_KEYS =
  'rkey, name, description, avatar, order, tags, media, languages, labels, authors, maxTags, ' +
  'pinned, trending, contentMode, acceptsInteractions'
export const POST = 'at://did:plc:abc/app.bsky.feed.post/3kabc'

export function problemsOf(text: string, options?: FeedFileOptions): readonly string[] {
  try {
    parseFeedFile(text, 'feeds.yaml', options)
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems
    }
    throw error
  }
  return []
}

/** A file with one good feed; more of it is written from line 5 on, column 5. */
export function fileWith(more: string): string {
  return `feeds:\n  - rkey: art\n    name: Art\n    tags: [art]\n    ${more}\n`
}

/** A file with one feed that lacks the key to be tested; it is written on line 3, column 5. */
export function fileWithout(key: 'rkey' | 'name' | 'tags', line: string): string {
  const rest = { rkey: 'rkey: art', name: 'name: Art', tags: 'tags: [art]' }
  const lines = Object.entries(rest).filter(([each]) => each !== key)
  return `feeds:\n  - ${lines[0]?.[1]}\n    ${line}\n    ${lines[1]?.[1]}\n`
}

export function parseOne(text: string, options?: FeedFileOptions): FeedDefinition {
  const [definition, ...others] = parseFeedFile(text, 'feeds.yaml', options)
  if (definition === undefined || others.length > 0) {
    throw new Error('not one feed')
  }
  return definition
}

/** What is said of a tag that is none, and of a record key. */
export const noTag = 'nothing is left without # and blanks, allowed: 1 to 64 characters'
export const recordKey =
  'is no record key, allowed: 1 to 512 of A-Z a-z 0-9 . _ : ~ - (not . or ..)'
