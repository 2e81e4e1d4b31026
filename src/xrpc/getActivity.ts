import type { RequestHandler } from 'express'
import type { PostEvent } from '../activity/activityEvent.ts'
import { readActivity } from '../activity/readActivity.ts'
import type { ActivityQuery } from '../activity/readActivity.ts'
import { formatExactUs } from '../time.ts'
import { answerQuery } from './answerQuery.ts'
import { QueryParameters, invalid } from './queryParameters.ts'
import type { XrpcContext } from './xrpcContext.ts'

export const GET_ACTIVITY = 'app.tagfeed.getActivity'

const KINDS = ['create', 'update', 'delete'] as const
const MOST_TAGS = 20
const LIMIT = { from: 1, to: 50, default: 20 }

/** `app.tagfeed.getActivity` (contract, section 9). */
export function getActivity(context: XrpcContext): RequestHandler {
  return answerQuery(context, GET_ACTIVITY, async (search, isOver) => {
    const { events, cursor } = await readActivity(
      context.activity,
      readActivityQuery(search),
      isOver,
    )
    return { events: events.map(toView), ...(cursor !== undefined && { cursor }) }
  })
}

/** @throws RequestError InvalidRequest */
export function readActivityQuery(search: string): ActivityQuery {
  const parameters = new QueryParameters(search, ['tags', 'kinds'])
  const tags = parameters.tags('tags', MOST_TAGS)
  if (tags.length === 0) {
    throw invalid(`tags is missing: give 1 to ${MOST_TAGS} tags, each as a parameter of its own`)
  }
  const kinds = parameters.choices('kinds', KINDS)
  return {
    tags,
    match: parameters.choice('match', ['any', 'all']) ?? 'any',
    kinds: kinds.length === 0 ? KINDS : kinds,
    limit: parameters.integer('limit', LIMIT) ?? LIMIT.default,
    cursor: parameters.text('cursor'),
    untilUs: parameters.datetimeUs('until'),
  }
}

function toView({ seq, kind, atUs, uri, did, tags, cid }: PostEvent): object {
  const at = formatExactUs(atUs)
  return { seq, kind, at, uri, author: did, tags, ...(cid !== undefined && { cid }) }
}
