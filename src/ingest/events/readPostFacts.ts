import { canonicalLanguage } from '../../posts/canonicalLanguage.ts'
import { canonicalTag } from '../../posts/canonicalTag.ts'
import type { PostFacts } from '../../posts/postFacts.ts'
import { SELF_LABELS } from '../../posts/postFilter.ts'
import { MEDIA_BIT } from '../../posts/storedCodes.ts'
import type { Unkept } from '../../posts/storedCodes.ts'

type Json = Readonly<Record<string, unknown>>

/** No client writes more: a post that has them is made to fill other people's disks, and is not kept. */
export const MAX_TAGS = 200
/** Lexicons allow 3 languages and 10 labels; of more, so many are stored. */
const MAX_LANGUAGES = 100
const MAX_LABELS = 100

/** A lexicon gives a label at most 128 bytes; what is longer names no label that a feed can ask for. */
const MAX_LABEL_LENGTH = 128

/**
 * What feeds may ask about a post record, or undefined when it is not a root post with tags, or has
 * more than `MAX_TAGS` (contract, section 4). Bad parts of the record count as absent.
 */
export function readPostFacts(record: Json): PostFacts | undefined {
  const read = readPost(record)
  return typeof read === 'string' ? undefined : read
}

/** The same; of a post that is not one to keep, why. */
export function readPost(record: Json): PostFacts | Unkept {
  if (record['reply'] !== undefined && record['reply'] !== null) {
    return 'reply'
  }
  const tags = readTags(record)
  if (tags.length === 0 || tags.length > MAX_TAGS) {
    return tags.length === 0 ? 'untagged' : 'crowded'
  }
  return {
    tags,
    media: readMedia(record['embed']),
    languages: readLanguages(record['langs']),
    labels: readLabels(record['labels']),
  }
}

/**
 * All distinct canonical tags: of the facets in the text, and of `tags` beside it. Once there is one too
 * many the rest is not looked at.
 */
function readTags(record: Json): string[] {
  const tags = new Set<string>()
  for (const facet of listOf(record['facets'])) {
    for (const feature of listOf(objectOf(facet)['features'])) {
      const { $type, tag } = objectOf(feature)
      if ($type === 'app.bsky.richtext.facet#tag') {
        addTag(tags, tag)
      }
    }
  }
  for (const tag of listOf(record['tags'])) {
    addTag(tags, tag)
  }
  return [...tags]
}

function addTag(tags: Set<string>, value: unknown): void {
  if (typeof value !== 'string' || tags.size > MAX_TAGS) {
    return
  }
  const tag = canonicalTag(value)
  if (tag !== undefined) {
    tags.add(tag)
  }
}

function readMedia(embed: unknown): number {
  const { $type, media } = objectOf(embed)
  switch (bareType($type)) {
    case 'app.bsky.embed.images':
    case 'app.bsky.embed.gallery':
      return MEDIA_BIT.image
    case 'app.bsky.embed.video':
      return MEDIA_BIT.video
    case 'app.bsky.embed.external':
      return MEDIA_BIT.link
    case 'app.bsky.embed.recordWithMedia':
      // A nested recordWithMedia is not a thing; without this check it could nest without end.
      return bareType(objectOf(media)['$type']) === 'app.bsky.embed.recordWithMedia'
        ? 0
        : readMedia(media)
    case undefined:
    default:
      return 0
  }
}

/** `nsid#main` and `nsid` name the same definition. */
function bareType(type: unknown): string | undefined {
  return typeof type === 'string' ? type.replace(/#main$/, '') : undefined
}

function readLanguages(langs: unknown): string[] {
  const languages = new Set<string>()
  for (const value of listOf(langs)) {
    const language = typeof value === 'string' ? canonicalLanguage(value) : undefined
    if (language !== undefined && language !== 'und') {
      languages.add(language)
    }
  }
  return [...languages].slice(0, MAX_LANGUAGES)
}

function readLabels(labels: unknown): string[] {
  const values = new Set<string>()
  for (const value of listOf(objectOf(labels)['values'])) {
    const { val } = objectOf(value)
    if (typeof val === 'string' && isLabel(val)) {
      values.add(val)
    }
  }
  if (values.size <= MAX_LABELS) {
    return [...values]
  }
  // What feeds can ask for is never crowded out by others.
  const known = SELF_LABELS.filter((label) => values.has(label))
  return [...new Set([...known, ...values])].slice(0, MAX_LABELS)
}

function isLabel(value: string): boolean {
  return (
    value !== '' &&
    value.length <= MAX_LABEL_LENGTH &&
    value.isWellFormed() &&
    !value.includes('\0')
  )
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}
