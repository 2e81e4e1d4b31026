import { createGuardedFetch } from '../identity/guardedFetch.ts'
import { isObject } from '../pds/json.ts'

export interface AppViewOptions {
  /** Without a slash at the end. */
  readonly appViewUrl: string
  readonly allowLocalNetwork: boolean
}

/** Bluesky's own, which answers without a login. */
export const PUBLIC_APP_VIEW = 'https://public.api.bsky.app'

const TIMEOUT_MS = 5_000

/**
 * How many people like a feed, as the AppView counts; undefined when it does not say. Never throws: the
 * number is good to know, and no reason to stop.
 */
export async function readLikeCount(
  feedUri: string,
  { appViewUrl, allowLocalNetwork }: AppViewOptions,
): Promise<number | undefined> {
  const fetch = createGuardedFetch({ allowLocalNetwork, timeoutMs: TIMEOUT_MS })
  try {
    const query = new URLSearchParams({ feed: feedUri }).toString()
    const response = await fetch(`${appViewUrl}/xrpc/app.bsky.feed.getFeedGenerator?${query}`)
    const body: unknown = await response.json()
    const view = isObject(body) ? body['view'] : undefined
    const count = isObject(view) ? view['likeCount'] : undefined
    return Number.isSafeInteger(count) ? Number(count) : undefined
  } catch {
    // Not reachable, not JSON, too late: the caller says that it is unknown.
    return undefined
  }
}
