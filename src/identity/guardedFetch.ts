/**
 * The one way out to hosts that somebody else names: DID documents, handles and PDSs. Only https to public
 * addresses on the default port, unless local networks are allowed; what a name resolves to is checked
 * when the connection is made. An answer has to come within a time and a size.
 */
import { isIP } from 'node:net'
import {
  checkUnicastPolicy,
  fetchResponseMaxSizeChecker,
  safeDispatchFetchWrap,
  unicastLookup,
} from '@atproto-labs/fetch-node'
import { timeLimit } from './timeLimit.ts'

export type Fetch = typeof globalThis.fetch

export interface GuardedFetchOptions {
  /** Permits plain http, ports, IP addresses and addresses that are not public. */
  readonly allowLocalNetwork: boolean
  /** For the whole answer, body included. */
  readonly timeoutMs?: number
  readonly maxBytes?: number
}

const TIMEOUT_MS = 10_000
const MAX_BYTES = 512 * 1024

/** An address that is not asked at all. */
export class RefusedUrlError extends Error {
  override name = 'RefusedUrlError'
}

/**
 * Gives a fetch within these bounds. It follows no redirect, whatever the caller asks for: what is sent
 * may hold a password, and the host that answers is the one that was named.
 */
export function createGuardedFetch(options: GuardedFetchOptions): Fetch {
  const { allowLocalNetwork, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = options
  const lookup = allowLocalNetwork ? undefined : unicastLookup
  const dispatch = safeDispatchFetchWrap({ fetch: globalThis.fetch, lookup })
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const fault = allowLocalNetwork ? findSchemeFault(url) : findPublicFault(url)
    if (fault !== undefined) {
      throw new RefusedUrlError(fault)
    }
    const signals = [timeLimit(timeoutMs), ...(init?.signal ? [init.signal] : [])]
    const limits = { redirect: 'error', signal: AbortSignal.any(signals) } as const
    return fetchResponseMaxSizeChecker(await dispatch(input, { ...init, ...limits }), maxBytes)
  }
}

function findSchemeFault({ protocol }: URL): string | undefined {
  return protocol === 'https:' || protocol === 'http:' ? undefined : 'it is not https'
}

/** The names of the local network are refused by `unicastLookup`. */
function findPublicFault(url: URL): string | undefined {
  const allow = '(FEEDGEN_ALLOW_LOCAL_NETWORK=true allows it on a local network)'
  if (url.protocol !== 'https:') {
    return `it is not https ${allow}`
  }
  if (url.port !== '') {
    return `it names a port, and only 443 is allowed ${allow}`
  }
  const isAddress = isIP(url.hostname.replaceAll(/[[\]]/gu, '')) !== 0
  return isAddress || checkUnicastPolicy(url) !== undefined
    ? `it is an IP address, and only host names are allowed ${allow}`
    : undefined
}
