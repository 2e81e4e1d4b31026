import type { Feed } from './feed.ts'

/** The feeds that this service serves, by the whole at-uri of their record. */
export interface Registry {
  /** In the order of the feeds file. */
  readonly feeds: readonly RegisteredFeed[]
  find(uri: string): RegisteredFeed | undefined
}

export interface RegisteredFeed {
  readonly uri: string
  readonly feed: Feed
}

/** The at-uri of a feed: the record of that key in the publisher's repository. */
export function feedUri(publisherDid: string, rkey: string): string {
  return `at://${publisherDid}/app.bsky.feed.generator/${rkey}`
}

/** A map, not an object: the key comes from a request and may be the name of anything. */
export function createRegistry(publisherDid: string, feeds: readonly Feed[]): Registry {
  const registered = feeds.map((feed) => ({
    uri: feedUri(publisherDid, feed.definition.rkey),
    feed,
  }))
  const byUri = new Map(registered.map((entry) => [entry.uri, entry]))
  return { feeds: registered, find: (uri) => byUri.get(uri) }
}
