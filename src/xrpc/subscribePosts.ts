import type { IncomingMessage } from 'node:http'
import { Subscriptions } from '../activity/subscriptions.ts'
import type { RecordsOf, Subscriber, SubscriptionQuery } from '../activity/subscriptions.ts'
import { RequestError } from '../errors.ts'
import { QueryParameters } from './queryParameters.ts'
import type { XrpcContext } from './xrpcContext.ts'

export const SUBSCRIBE_POSTS = 'app.tagfeed.subscribePosts'

const MOST_TAGS = 20

/** `app.tagfeed.subscribePosts` (contract, section 9), whatever it is spoken over. */
export class SubscribePosts implements Disposable {
  readonly #context: XrpcContext
  readonly #subscriptions: Subscriptions

  constructor(context: XrpcContext, recordsOf?: RecordsOf) {
    this.#context = context
    const { activity: statements, logger } = context
    this.#subscriptions = new Subscriptions({ statements, logger, ...(recordsOf && { recordsOf }) })
  }

  [Symbol.dispose](): void {
    this.#subscriptions[Symbol.dispose]()
  }

  /** @throws RequestError as of any query */
  async read({ url = '', headers }: IncomingMessage): Promise<SubscriptionQuery> {
    const query = readSubscriptionQuery(searchOf(url))
    await this.#context.viewers.verify(headers.authorization, SUBSCRIBE_POSTS)
    return query
  }

  /** Returns what ends it. */
  async begin(query: SubscriptionQuery, subscriber: Subscriber): Promise<() => void> {
    return await this.#subscriptions.begin(query, subscriber)
  }
}

/** @throws RequestError InvalidRequest */
export function readSubscriptionQuery(search: string): SubscriptionQuery {
  const parameters = new QueryParameters(search, ['tags'])
  return {
    tags: parameters.tags('tags', MOST_TAGS),
    match: parameters.choice('match', ['any', 'all']) ?? 'any',
    cursor: parameters.integer('cursor', { from: 0, to: Number.MAX_SAFE_INTEGER }),
  }
}

function searchOf(url: string): string {
  const from = url.indexOf('?')
  return from === -1 ? '' : url.slice(from + 1)
}

/** A request for it that is no handshake. */
export function upgradeRequired(): RequestError {
  const message = `${SUBSCRIBE_POSTS} is a subscription: connect to it with a WebSocket`
  return new RequestError('UpgradeRequired', message, 426)
}
