/** A DID, handle or account that cannot be resolved. The message says why, and what to do where that is known. */
export class IdentityError extends Error {
  override name = 'IdentityError'
  /** To ask again would be of no use: there is nothing, nothing that is right, or nobody may be asked. */
  readonly isAbsent: boolean

  constructor(message: string, isAbsent = false) {
    super(message)
    this.isAbsent = isAbsent
  }
}
