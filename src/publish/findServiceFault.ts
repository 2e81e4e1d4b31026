import { describeError } from '../errors.ts'
import type { Fetch } from '../identity/guardedFetch.ts'
import { findFeedGeneratorUrl, resolveDid } from '../identity/resolveDid.ts'

export interface ServiceOptions {
  readonly plcUrl: string
  readonly fetch: Fetch
  /** Undefined for a service on a local network. */
  readonly hostname: string | undefined
}

/**
 * Why readers of the app would not reach the service behind the records; undefined when they would. A
 * warning and no more: records may be written before the service is up.
 */
export async function findServiceFault(
  serviceDid: string,
  { plcUrl, fetch, hostname }: ServiceOptions,
): Promise<string | undefined> {
  const until = 'nobody can read the feeds until this is mended'
  try {
    const url = findFeedGeneratorUrl(await resolveDid(serviceDid, { plcUrl, fetch }))
    if (url === undefined) {
      return `the DID document of ${serviceDid} names no feed generator (#bsky_fg): ${until}`
    }
    return hostname === undefined || url === `https://${hostname}`
      ? undefined
      : `the DID document of ${serviceDid} names ${url} and not https://${hostname}: ${until}`
  } catch (error) {
    return `${describeError(error)}: ${until}`
  }
}
