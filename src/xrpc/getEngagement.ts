import { isAtUriString } from '@atproto/syntax'
import type { RequestHandler } from 'express'
import { answerQuery } from './answerQuery.ts'
import { QueryParameters, invalid } from './queryParameters.ts'
import type { XrpcContext } from './xrpcContext.ts'

export const GET_ENGAGEMENT = 'app.tagfeed.getEngagement'

const MOST_URIS = 100

/** `app.tagfeed.getEngagement` (contract, section 9). */
export function getEngagement(context: XrpcContext): RequestHandler {
  return answerQuery(context, GET_ENGAGEMENT, async (search, _isOver, viewer) => {
    const parameters = new QueryParameters(search, ['uris'])
    const uris = parameters.values('uris', MOST_URIS, {
      of: (text) => (isAtUriString(text) ? text : undefined),
      allowed: 'at-uris of posts',
    })
    if (uris.length === 0) {
      throw invalid(
        `uris is missing: give 1 to ${MOST_URIS} at-uris, each as a parameter of its own`,
      )
    }
    return { posts: await context.clients.readEngagement(uris, viewer) }
  })
}
