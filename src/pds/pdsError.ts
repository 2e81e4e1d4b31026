/** A PDS that refused, failed or did not answer: one sentence that says what is wrong and what to do. */
export class PdsError extends Error {
  override name = 'PdsError'
  /** Undefined when there was no answer. */
  readonly status: number | undefined
  /** The XRPC error name; empty when the answer has none. */
  readonly error: string
  /** How long to wait before asking again, where the server says so. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, answer: PdsAnswer = {}, options?: ErrorOptions) {
    super(message, options)
    this.status = answer.status
    this.error = answer.error ?? ''
    this.retryAfterMs = answer.retryAfterMs
  }

  /** The server takes the token no more. */
  get isSessionOver(): boolean {
    return this.error === 'ExpiredToken' || this.error === 'InvalidToken' || this.status === 401
  }
}

export interface PdsAnswer {
  readonly status?: number | undefined
  readonly error?: string
  readonly retryAfterMs?: number | undefined
}

/** What is meant by the errors that PDSs have names for. */
const MEANINGS = new Map<string, string>([
  ['AccountTakedown', 'the account has been taken down: ask the operator of its PDS'],
  ['RepoTakendown', 'the account has been taken down: ask the operator of its PDS'],
  ['AccountSuspended', 'the account is suspended: ask the operator of its PDS'],
  ['RepoSuspended', 'the account is suspended: ask the operator of its PDS'],
  ['AccountDeactivated', 'the account is deactivated: log in to the app and activate it first'],
  ['RepoDeactivated', 'the account is deactivated: log in to the app and activate it first'],
  ['RepoNotFound', 'the PDS does not know the account: it may have moved a moment ago'],
  ['InvalidSwap', 'somebody changed the record meanwhile: run the command again for a fresh plan'],
  ['BlobTooLarge', 'the PDS takes no picture of this size: make the avatar smaller'],
])

/** The meaning of a named error, as a sentence. */
export function describeNamedError(error: string): string | undefined {
  return MEANINGS.get(error)
}
