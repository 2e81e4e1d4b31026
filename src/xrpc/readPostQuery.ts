import { isAtUriString, isValidDid } from '@atproto/syntax'
import type { RegisteredFeed, Registry } from '../feeds/registry.ts'
import { canonicalLanguage } from '../posts/canonicalLanguage.ts'
import { MEDIA, SELF_LABELS } from '../posts/postFilter.ts'
import type { PostFilter } from '../posts/postFilter.ts'
import type { Us } from '../time.ts'
import { QueryParameters, invalid } from './queryParameters.ts'

export type QueryOrder = 'recent' | 'trending' | 'following'

/** The parameters of `app.tagfeed.getPosts`, checked by themselves. */
export interface PostParameters {
  readonly tags: readonly string[]
  readonly feed: RegisteredFeed | undefined
  readonly match: 'any' | 'all'
  readonly filter: PostFilter
  readonly order: QueryOrder
  readonly limit: number
  readonly cursor: string | undefined
  readonly untilUs: Us | undefined
  /** A datetime, an at-uri, or what an answer had as `newest`. */
  readonly since: string | undefined
  readonly total: boolean
  /** All but the limit and the cursor, as one text. */
  readonly scope: string
}

const MOST_TAGS = 20
const MOST = 50
const LIMIT = { from: 1, to: 100, default: 20 }
const LISTS = ['tags', 'without', 'media', 'langs', 'withoutLabels', 'authors']

/** @throws RequestError InvalidRequest, which names the parameter and what is allowed; UnknownFeed */
export function readPostQuery(search: string, registry: Registry): PostParameters {
  const parameters = new QueryParameters(search, LISTS)
  const tags = parameters.tags('tags', MOST_TAGS)
  const feed = readFeed(parameters, registry)
  if (tags.length === 0 && feed === undefined) {
    throw invalid(`tags is missing: give 1 to ${MOST_TAGS} tags, or the at-uri of a feed as feed`)
  }
  if (tags.length > 0 && feed !== undefined) {
    throw invalid('tags and feed are both given: give one of them')
  }
  const match = parameters.choice('match', ['any', 'all']) ?? 'any'
  const order = parameters.choice('order', ['recent', 'trending', 'following']) ?? 'recent'
  const since = parameters.text('since')
  const untilUs = parameters.datetimeUs('until')
  if (order === 'trending' && (since !== undefined || untilUs !== undefined)) {
    const name = since === undefined ? 'until' : 'since'
    throw invalid(`${name} is not allowed with order trending: a ranking is not by time`)
  }
  const filter = readFilter(parameters, match === 'all' ? tags : [])
  const lists = sorted(filter)
  const asked = { tags: tags.toSorted(), feed: feed?.uri, match, order, since, untilUs, lists }
  return {
    ...{ tags, feed, match, filter, order, since, untilUs },
    limit: parameters.integer('limit', LIMIT) ?? LIMIT.default,
    cursor: parameters.text('cursor'),
    total: parameters.flag('total'),
    scope: JSON.stringify(asked),
  }
}

/** The order in which a list is given makes no other query. */
function sorted(filter: PostFilter): PostFilter {
  const { noneTags, languages, onlyAuthors } = filter
  return {
    ...filter,
    noneTags: noneTags.toSorted(),
    languages: languages.toSorted(),
    onlyAuthors: onlyAuthors.toSorted(),
  }
}

function readFilter(parameters: QueryParameters, allTags: readonly string[]): PostFilter {
  return {
    anyTags: [],
    allTags,
    noneTags: parameters.tags('without', MOST_TAGS),
    media: parameters.choices('media', MEDIA),
    languages: parameters.values('langs', MOST, {
      of: (text) => (text === 'und' ? 'und' : canonicalLanguage(text)),
      allowed: 'language codes such as en, or und for posts that name none',
    }),
    noneLabels: parameters.choices('withoutLabels', SELF_LABELS),
    onlyAuthors: parameters.values('authors', MOST, {
      of: (text) => (isValidDid(text) ? text : undefined),
      allowed: 'DIDs, such as did:plc:…',
    }),
    noneAuthors: [],
    maxTags: undefined,
  }
}

function readFeed(parameters: QueryParameters, registry: Registry): RegisteredFeed | undefined {
  const uri = parameters.text('feed')
  if (uri === undefined) {
    return undefined
  }
  const feed = isAtUriString(uri) ? registry.find(uri) : undefined
  if (feed === undefined) {
    throw invalid('feed is the at-uri of a feed of this service')
  }
  return feed
}
