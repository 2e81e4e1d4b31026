/** A DID, handle or account that cannot be resolved. The message says why, and what to do where that is known. */
export class IdentityError extends Error {
  override name = 'IdentityError'
}
