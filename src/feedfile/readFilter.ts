/** The parts of a feed in the feeds file that say which posts belong to it. */
import { MEDIA } from '../posts/postFilter.ts'
import type { PostFilter } from '../posts/postFilter.ts'
import { decodeDid, decodeLabel, decodeLanguage, decodeTag, oneOf, quote } from './feedFileTexts.ts'
import { isEmptyList, isList, readEntries, readMap, readNumber } from './feedFileValues.ts'
import type { Entry, Fields } from './feedFileValues.ts'
import type { YamlValue } from './yamlFile.ts'

export const FILTER_KEYS = ['tags', 'media', 'languages', 'labels', 'authors', 'maxTags'] as const
const TAGS_KEYS = ['any', 'all', 'none'] as const
const LABELS_KEYS = ['none'] as const
const AUTHORS_KEYS = ['only', 'none'] as const

type Entries = readonly Entry<string>[]

/** Reads the filter of a feed. What is wrong is reported and left out. */
export function readFilter(fields: Fields<(typeof FILTER_KEYS)[number]>): PostFilter {
  const tags = readTags(fields.get('tags'))
  const authors = readAuthors(fields.get('authors'))
  const maxTags = readNumber(fields.get('maxTags'), { min: 1, isWhole: true })
  reportTooFewTags(fields.get('maxTags'), maxTags, tags.all)
  return {
    anyTags: valuesOf(tags.any),
    allTags: valuesOf(tags.all),
    noneTags: valuesOf(tags.none),
    media: valuesOf(
      readEntries(fields.get('media'), oneOf(MEDIA), `a list of ${MEDIA.join(', ')}`),
    ),
    languages: valuesOf(
      readEntries(fields.get('languages'), decodeLanguage, 'a list of language codes', {
        allowsBooleanWords: true,
      }),
    ),
    noneLabels: valuesOf(readLabels(fields.get('labels'))),
    onlyAuthors: valuesOf(authors.only),
    noneAuthors: valuesOf(authors.none),
    maxTags,
  }
}

function valuesOf<T>(entries: readonly Entry<T>[]): readonly T[] {
  return entries.map(({ value }) => value)
}

interface TagLists {
  readonly any: Entries
  readonly all: Entries
  readonly none: Entries
}

function readTags(value: YamlValue | undefined): TagLists {
  const lists = { any: [], all: [], none: [] }
  if (value === undefined) {
    return lists
  }
  if (isList(value)) {
    reportNoTags(value, [value])
    return { ...lists, any: readTagList(value) }
  }
  const fields = readMap(value, TAGS_KEYS, {
    prefix: 'tags.',
    allowed: `a list of tags, or a map of ${TAGS_KEYS.join(', ')}`,
  })
  if (fields === undefined) {
    return lists
  }
  reportNoTags(value, [fields.get('any'), fields.get('all')])
  const tags = {
    any: readTagList(fields.get('any')),
    all: readTagList(fields.get('all')),
    none: readTagList(fields.get('none')),
  }
  reportTagContradictions(tags, fields.get('any'))
  return tags
}

function readTagList(value: YamlValue | undefined): Entries {
  return readEntries(value, decodeTag, 'a list of tags, such as [art, artwork]')
}

/** A list of something else than a tag, or no list at all, is a problem of its own. */
function reportNoTags(tags: YamlValue, lists: readonly (YamlValue | undefined)[]): void {
  if (lists.every((list) => list === undefined || isEmptyList(list))) {
    tags.file.report(tags, 'tags: no tag is named, allowed: at least one tag in any or all')
  }
}

function reportTagContradictions(tags: TagLists, any: YamlValue | undefined): void {
  const none = new Map(tags.none.map((entry) => [entry.value, entry]))
  for (const { value } of tags.all) {
    const place = none.get(value)?.place
    const problem = `tags.none: ${quote(value)} stands in tags.all too, allowed: in one of them`
    place?.file.report(place, problem)
  }
  if (tags.any.length > 0 && tags.any.every(({ value }) => none.has(value))) {
    const problem = 'every tag stands in tags.none too, allowed: at least one that does not'
    any?.file.report(any, `tags.any: ${problem}`)
  }
}

function reportTooFewTags(
  place: YamlValue | undefined,
  maxTags: number | undefined,
  all: Entries,
): void {
  if (maxTags !== undefined && all.length > maxTags) {
    const problem = `${maxTags}, but tags.all names ${all.length} tags, allowed: at least as many`
    place?.file.report(place, `maxTags: ${problem}`)
  }
}

function readLabels(value: YamlValue | undefined): Entries {
  const fields = value && readMap(value, LABELS_KEYS, { prefix: 'labels.' })
  return readEntries(fields?.get('none'), decodeLabel, 'a list of labels, such as [porn, sexual]')
}

function readAuthors(value: YamlValue | undefined): { only: Entries; none: Entries } {
  const fields = value && readMap(value, AUTHORS_KEYS, { prefix: 'authors.' })
  const only = readEntries(fields?.get('only'), decodeDid, 'a list of DIDs')
  const none = readEntries(fields?.get('none'), decodeDid, 'a list of DIDs')
  const wanted = new Set(valuesOf(only))
  for (const { value: did, place } of none) {
    if (wanted.has(did)) {
      const problem = `${quote(did)} stands in authors.only too, allowed: in one of them`
      place.file.report(place, `authors.none: ${problem}`)
    }
  }
  return { only, none }
}
