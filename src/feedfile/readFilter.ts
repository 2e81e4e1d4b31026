import type { PostFilter } from '../posts/postFilter.ts'
import { quote } from '../texts/quote.ts'
import type { FilterFields } from './feedShape.ts'
import type { Field } from './mapShape.ts'
import type { Entry } from './shape.ts'
import type { TagFields } from './tagsShape.ts'

/** Puts together the filter of a feed, and reports what contradicts itself. What is wrong is left out. */
export function readFilter(fields: FilterFields): PostFilter {
  const { any, all, none } = fields.tags?.value ?? {}
  const authors = fields.authors?.value
  reportTagContradictions({ any, all, none })
  reportTooFewTags(fields.maxTags, entriesOf(all))
  reportTwice(authors?.only, authors?.none, 'authors')
  return {
    anyTags: valuesOf(any),
    allTags: valuesOf(all),
    noneTags: valuesOf(none),
    media: valuesOf(fields.media),
    languages: valuesOf(fields.languages),
    noneLabels: valuesOf(fields.labels?.value?.none),
    onlyAuthors: valuesOf(authors?.only),
    noneAuthors: valuesOf(authors?.none),
    maxTags: fields.maxTags?.value,
  }
}

type List<T> = Field<readonly Entry<T>[]>

function entriesOf<T>(list: List<T> | undefined): readonly Entry<T>[] {
  return list?.value ?? []
}

function valuesOf<T>(list: List<T> | undefined): readonly T[] {
  return entriesOf(list).map(({ value }) => value)
}

function reportTagContradictions({ any, all, none }: TagFields): void {
  reportTwice(all, none, 'tags', 'all')
  const refused = new Set(valuesOf(none))
  const wanted = valuesOf(any)
  if (wanted.length > 0 && wanted.every((tag) => refused.has(tag))) {
    const problem = 'every tag stands in tags.none too, allowed: at least one that does not'
    any?.place.file.report(any.place, `tags.any: ${problem}`)
  }
}

/** What is wanted and refused at once. */
function reportTwice(
  wanted: List<string> | undefined,
  refused: List<string> | undefined,
  name: string,
  key = 'only',
): void {
  const values = new Set(valuesOf(wanted))
  for (const { value, place } of entriesOf(refused).filter((entry) => values.has(entry.value))) {
    const problem = `${quote(value)} stands in ${name}.${key} too, allowed: in one of them`
    place.file.report(place, `${name}.none: ${problem}`)
  }
}

function reportTooFewTags(maxTags: Field<number> | undefined, all: readonly unknown[]): void {
  if (maxTags?.value !== undefined && all.length > maxTags.value) {
    const problem = `${maxTags.value}, but tags.all names ${all.length} tags, allowed: at least as many`
    maxTags.place.file.report(maxTags.place, `maxTags: ${problem}`)
  }
}
