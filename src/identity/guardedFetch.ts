/**
 * The one way out to hosts that somebody else names: DID documents, handles and PDSs. Only https to public
 * addresses on the default port, unless local networks are allowed; what a name resolves to is checked
 * when the connection is made. An answer has to come within a time and a size.
 */
import { safeFetchWrap } from '@atproto-labs/fetch-node'

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

/**
 * Gives a fetch within these bounds. It follows no redirect, whatever the caller asks for: what is sent
 * may hold a password, and the host that answers is the one that was named.
 */
export function createGuardedFetch(options: GuardedFetchOptions): Fetch {
  const { allowLocalNetwork, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = options
  const guarded = safeFetchWrap({
    ssrfProtection: !allowLocalNetwork,
    allowIpHost: allowLocalNetwork,
    timeout: Number.POSITIVE_INFINITY,
    responseMaxSize: maxBytes,
  })
  return (input, init) => {
    const limits = [AbortSignal.timeout(timeoutMs), ...(init?.signal ? [init.signal] : [])]
    return guarded(input, { ...init, redirect: 'error', signal: AbortSignal.any(limits) })
  }
}
