import { isValidDid } from '@atproto/syntax'
import { IdentityError } from './identityError.ts'
import { findHandle, findPdsUrl, resolveDid } from './resolveDid.ts'
import type { ResolveOptions } from './resolveDid.ts'
import { resolveHandle } from './resolveHandle.ts'
import type { HandleOptions } from './resolveHandle.ts'

export interface Account {
  readonly did: string
  /** As its DID document claims; undefined when it claims none. */
  readonly handle: string | undefined
  /** Without a slash at the end. */
  readonly pdsUrl: string
}

/**
 * Finds an account and its PDS by handle (with or without `@`) or DID.
 * @throws IdentityError when a step fails, or a handle names a DID that does not name it back
 */
export async function resolveAccount(
  identifier: string,
  options: ResolveOptions & HandleOptions,
): Promise<Account> {
  const name = identifier.replace(/^@/u, '')
  const did = isValidDid(name) ? name : await resolveHandle(name, options)
  const document = await resolveDid(did, options)
  const handle = findHandle(document)
  if (name !== did && handle !== name.toLowerCase()) {
    throw new IdentityError(
      `the handle ${name} names ${did}, which goes by ${handle ?? 'no handle'}: ` +
        'give the DID, or the handle that the account has now',
    )
  }
  const pdsUrl = findPdsUrl(document)
  if (pdsUrl === undefined) {
    throw new IdentityError(
      `the DID document of ${did} names no PDS (#atproto_pds), so it is no account that holds records`,
    )
  }
  return { did, handle, pdsUrl }
}
