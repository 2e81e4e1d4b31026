import { DidResolver, getFeedGen, getHandle, getPds } from '@atproto/identity'
import type { DidDocument } from '@atproto/identity'
import { isValidDid } from '@atproto/syntax'
import { describeFetchFailure } from './describeFetchFailure.ts'
import type { Fetch } from './guardedFetch.ts'
import { IdentityError } from './identityError.ts'
import { observeFetch } from './observedFetch.ts'

export type { DidDocument }

export interface ResolveOptions {
  readonly plcUrl: string
  /** `createGuardedFetch` outside of tests: the hosts that it is asked for are named by strangers. */
  readonly fetch: Fetch
}

const TIMEOUT_MS = 10_000

/**
 * Fetches the document of a did:plc or did:web.
 * @throws IdentityError saying where it was looked for and what is wrong there
 */
export async function resolveDid(did: string, options: ResolveOptions): Promise<DidDocument> {
  if (!isValidDid(did) || !/^did:(?:plc|web):/u.test(did)) {
    throw new IdentityError(`${did} is no did:plc and no did:web`, true)
  }
  const observed = observeFetch(options.fetch)
  const resolver = new DidResolver({
    plcUrl: options.plcUrl,
    fetch: observed.fetch,
    timeout: TIMEOUT_MS,
  })
  let document: DidDocument | null
  try {
    document = await resolver.resolve(did)
  } catch (error) {
    // Without its cause, which the reason says already.
    const failure = observed.lastFailure()
    const reason = failure ?? describeBadDocument(did, error)
    const isAbsent = failure === undefined || observed.isAbsent()
    throw new IdentityError(`the DID document of ${did} cannot be read: ${reason}`, isAbsent)
  }
  if (document === null) {
    const failure = observed.lastFailure()
    const isAbsent = failure === undefined || observed.isAbsent()
    throw new IdentityError(
      `the DID document of ${did} cannot be found: ${failure ?? 'there is none'}`,
      isAbsent,
    )
  }
  return document
}

function describeBadDocument(did: string, error: unknown): string {
  if (error instanceof SyntaxError) {
    return 'what is there is no JSON'
  }
  return error instanceof Error && error.message.startsWith('Poorly formatted DID Document')
    ? `what is there is no DID document, or the one of another DID than ${did}`
    : describeFetchFailure(error)
}

/** Where the account's repository is, without a slash at the end; undefined when it has none. */
export function findPdsUrl(document: DidDocument): string | undefined {
  return getPds(document)?.replace(/\/+$/u, '')
}

/** Where the feed generator with service id `#bsky_fg` answers, without a slash at the end. */
export function findFeedGeneratorUrl(document: DidDocument): string | undefined {
  return getFeedGen(document)?.replace(/\/+$/u, '')
}

/** The handle that the document claims; it is true only when the handle names the DID too. */
export function findHandle(document: DidDocument): string | undefined {
  return getHandle(document)?.toLowerCase()
}
