import { isValidDid } from '@atproto/syntax'
import type { RequestHandler } from 'express'
import { postUri } from '../posts/postUri.ts'
import { parseAtUri } from '../texts/parseAtUri.ts'
import { answerQuery } from './answerQuery.ts'
import { QueryParameters, invalid } from './queryParameters.ts'
import type { XrpcContext } from './xrpcContext.ts'

export const EXPLAIN_POST = 'app.tagfeed.explainPost'

const LINK = /^https:\/\/bsky\.app\/profile\/([^/?#]+)\/post\/([^/?#]+)(?:[?#].*)?$/u
const POST = 'app.bsky.feed.post'

/** `app.tagfeed.explainPost` (contract, section 9). */
export function explainPost(context: XrpcContext): RequestHandler {
  const { clients, registry } = context
  return answerQuery(context, EXPLAIN_POST, async (search, _isOver, viewer) => {
    const parameters = new QueryParameters(search, [])
    const uri = await readPostAddress(parameters.text('post') ?? '', context.resolveHandle)
    const feed = parameters.text('feed')
    const feeds = feed === undefined ? registry.feeds : [registry.find(feed) ?? []].flat()
    if (feeds.length === 0 && feed !== undefined) {
      throw invalid('feed is the at-uri of a feed of this service')
    }
    const { known, reason, id, explain } = await clients.explainPost(uri)
    const [shown] = id === undefined ? [] : await clients.readViews([id], viewer)
    const post = shown?.view
    const explained = []
    for (const { uri: feedUri, feed: own } of feeds) {
      const { score, ...rest } = await explain(own.definition)
      explained.push({
        feed: feedUri,
        ...rest,
        ...(score !== undefined && { score: String(score) }),
      })
    }
    return { post: { known, reason, ...(post && { post }) }, feeds: explained }
  })
}

/**
 * The at-uri of a post, from one or from a link of the app.
 * @throws RequestError InvalidRequest
 */
export async function readPostAddress(
  text: string,
  resolveHandle: (handle: string) => Promise<string>,
): Promise<string> {
  const [, profile, linkedRkey] = LINK.exec(text.trim()) ?? []
  const parsed =
    profile !== undefined && linkedRkey !== undefined
      ? { authority: decodeURIComponent(profile), collection: POST, rkey: linkedRkey }
      : parseAtUri(text.trim())
  if (parsed === undefined || parsed.collection !== POST) {
    throw invalid('post is the at-uri of a post, or its link at bsky.app')
  }
  const { authority, rkey } = parsed
  if (isValidDid(authority)) {
    return postUri(authority, rkey)
  }
  try {
    return postUri(await resolveHandle(authority), rkey)
  } catch {
    throw invalid('post names an account that cannot be found: give its DID instead of its handle')
  }
}
