import { isAtUriString } from '@atproto/syntax'
import { RequestError } from '../errors.ts'

/** What viewers do with the posts of a feed, by the last part of the lexicon's names. */
export const EVENTS = [
  'requestLess',
  'requestMore',
  'interactionSeen',
  'interactionLike',
  'interactionQuote',
  'interactionReply',
  'interactionRepost',
] as const
export type InteractionEvent = (typeof EVENTS)[number]

export interface Interaction {
  /** At-uri of the post. */
  readonly item: string
  readonly event: InteractionEvent
  readonly reqId: string | undefined
}

export interface Interactions {
  /** At-uri of the feed; older apps leave it out. */
  readonly feed: string | undefined
  readonly interactions: readonly Interaction[]
}

export const MAX_INTERACTIONS = 100
const PREFIX = 'app.bsky.feed.defs#'

/**
 * Reads the body of `app.bsky.feed.sendInteractions`. One interaction that is wrong costs itself.
 * @throws RequestError 400 when it is none, or holds too many
 */
export function readInteractions(body: unknown): Interactions {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new RequestError('InvalidRequest', 'The body is a JSON object')
  }
  const { feed, interactions } = body as Readonly<Record<string, unknown>>
  if (!Array.isArray(interactions)) {
    throw new RequestError('InvalidRequest', 'interactions is a list')
  }
  if (interactions.length > MAX_INTERACTIONS) {
    throw new RequestError('InvalidRequest', `interactions has at most ${MAX_INTERACTIONS} items`)
  }
  return {
    feed: typeof feed === 'string' ? feed : undefined,
    interactions: interactions.flatMap(readInteraction),
  }
}

function readInteraction(value: unknown): Interaction[] {
  if (typeof value !== 'object' || value === null) {
    return []
  }
  const { item, event, reqId } = value as Readonly<Record<string, unknown>>
  const name =
    typeof event === 'string' && event.startsWith(PREFIX) ? event.slice(PREFIX.length) : ''
  const known = EVENTS.find((each) => each === name)
  if (known === undefined || typeof item !== 'string' || !isAtUriString(item)) {
    return []
  }
  return [{ item, event: known, reqId: typeof reqId === 'string' ? reqId : undefined }]
}
