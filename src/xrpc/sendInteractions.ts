import type { RequestHandler } from 'express'
import { RequestError } from '../errors.ts'
import { authorOf } from '../posts/postUri.ts'
import { readInteractions } from '../viewers/readInteractions.ts'
import type { Interaction } from '../viewers/readInteractions.ts'
import { unauthorized } from '../viewers/serviceToken.ts'
import { readJsonBody } from './readJsonBody.ts'
import { RequestIds } from './requestIds.ts'
import type { XrpcContext } from './xrpcContext.ts'

export const SEND_INTERACTIONS = 'app.bsky.feed.sendInteractions'
const MAX_BYTES = 256 * 1024
/** In metrics: an interaction that names no feed. */
const UNKNOWN = 'unknown'

/** `app.bsky.feed.sendInteractions` (contract, section 8). */
export function sendInteractions(context: XrpcContext): RequestHandler {
  const requestIds = new RequestIds(context.registry)
  return (request, response, next) => {
    const answer = async (): Promise<void> => {
      if (request.method !== 'POST') {
        throw new RequestError(
          'InvalidRequest',
          `Incorrect HTTP method (${request.method}) expected POST`,
        )
      }
      const viewer = await context.admit(request, response, SEND_INTERACTIONS)
      if (viewer === undefined) {
        throw unauthorized('AuthMissing', 'Interactions need a service token')
      }
      const body = readInteractions(await readJsonBody(request, MAX_BYTES))
      await take({ ...context, requestIds }, viewer, body)
      if (!response.writableEnded) {
        response.json({})
      }
    }
    answer().catch(next)
  }
}

type Taken = ReturnType<typeof readInteractions>

async function take(
  context: XrpcContext & { readonly requestIds: RequestIds },
  viewer: string,
  { feed, interactions }: Taken,
): Promise<void> {
  const { registry, requestIds, viewers, metrics, findPosts } = context
  const named = feed === undefined ? undefined : registry.find(feed)
  if (feed !== undefined && named === undefined) {
    return
  }
  const known = await findPosts(interactions.map(({ item }) => item))
  const asked: Promise<void>[] = []
  for (const { item, event, reqId } of interactions) {
    const registered = named ?? (reqId === undefined ? undefined : requestIds.feedOf(reqId))
    const isOurs = known.has(item) && (registered !== undefined || reqId === undefined)
    if (isOurs) {
      metrics.interaction(registered?.feed.definition.rkey ?? UNKNOWN, event)
      asked.push(act(viewers, viewer, { item, event }))
    }
  }
  await Promise.all(asked)
}

async function act(
  { less, seen }: XrpcContext['viewers'],
  viewer: string,
  { item, event }: Pick<Interaction, 'item' | 'event'>,
): Promise<void> {
  switch (event) {
    case 'interactionSeen':
      if (authorOf(item) !== viewer) {
        seen.note(viewer, item)
      }
      return
    case 'requestLess':
      return await less.ask(viewer, item)
    case 'requestMore':
      return await less.takeBack(viewer, item)
    case 'interactionLike':
    case 'interactionQuote':
    case 'interactionReply':
    case 'interactionRepost':
      // Only counted.
      return
  }
}
