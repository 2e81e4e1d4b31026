import type { RequestHandler } from 'express'
import { canonicalTag } from '../posts/canonicalTag.ts'
import type { TagQuery } from '../tags/tagCounts.ts'
import { formatExactUs } from '../time.ts'
import { answerQuery } from './answerQuery.ts'
import { QueryParameters, invalid } from './queryParameters.ts'
import type { XrpcContext } from './xrpcContext.ts'

export const GET_TAGS = 'app.tagfeed.getTags'

const MOST_TAGS = 50
const HOURS = { from: 1, to: 168, default: 24 }
const LIMIT = { from: 1, to: 100, default: 25 }

/** `app.tagfeed.getTags` (contract, section 9). */
export function getTags(context: XrpcContext): RequestHandler {
  return answerQuery(context, GET_TAGS, async (search) => {
    const { query, limit } = readTagsQuery(search)
    const { tags, countedUs } = await context.tagCounts.count(query)
    return {
      tags: tags.slice(0, limit).map(({ tag, posts, authors, before, history }) => ({
        ...{ tag, posts, authors, before, history },
      })),
      countedAt: formatExactUs(countedUs),
    }
  })
}

/** @throws RequestError InvalidRequest */
export function readTagsQuery(search: string): { query: TagQuery; limit: number } {
  const parameters = new QueryParameters(search, ['tags'])
  const tags = parameters.tags('tags', MOST_TAGS)
  const start = parameters.text('prefix')
  const prefix = start === undefined ? undefined : canonicalTag(start)
  if (start !== undefined && prefix === undefined) {
    throw invalid('prefix is the beginning of a tag: 1 to 64 characters beside # and white space')
  }
  if (prefix !== undefined && tags.length > 0) {
    throw invalid('prefix and tags are both given: give one of them')
  }
  const limit = parameters.integer('limit', LIMIT)
  return {
    query: {
      ...{ prefix, tags },
      hours: parameters.integer('hours', HOURS) ?? HOURS.default,
      order: parameters.choice('order', ['posts', 'rising']) ?? 'posts',
    },
    // Whoever names tags wants them all.
    limit: limit ?? (tags.length > 0 ? MOST_TAGS : LIMIT.default),
  }
}
