import { createGuardedFetch } from './guardedFetch.ts'
import { IdentityError } from './identityError.ts'
import { findPdsUrl, resolveDid } from './resolveDid.ts'

export interface AskOptions {
  readonly plcUrl: string
  readonly allowLocalNetwork: boolean
}

const TIMEOUT_MS = 5_000
const MAX_BYTES = 64 * 1024

/**
 * Whether an account is active on its own PDS. What a PDS says of another account than the one that was
 * asked for is not believed.
 * @throws IdentityError, or the error of the request, when nobody says it
 */
export async function askAccountStatus(
  did: string,
  { plcUrl, allowLocalNetwork }: AskOptions,
): Promise<boolean> {
  const limits = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES }
  const fetch = createGuardedFetch({ allowLocalNetwork, ...limits })
  const pdsUrl = findPdsUrl(await resolveDid(did, { plcUrl, fetch }))
  if (pdsUrl === undefined) {
    throw new IdentityError(`the DID document of ${did} names no PDS`)
  }
  const url = new URL('/xrpc/com.atproto.sync.getRepoStatus', pdsUrl)
  url.searchParams.set('did', did)
  const response = await fetch(url, { headers: { accept: 'application/json' } })
  const body: unknown = await response.json()
  const said = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  if (!response.ok || said['did'] !== did) {
    throw new IdentityError(`${pdsUrl} does not say whether ${did} is active`)
  }
  return said['active'] === true
}
