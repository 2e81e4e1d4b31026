/** The operator's mistake: bad environment, bad feeds file, bad usage. Ends a command with exit code 2. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  /** Every problem found, one plain sentence each, with what to do. */
  readonly problems: readonly string[]

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options)
    this.problems = problems
  }
}

/** The caller's mistake, answered as XRPC `{ error, message }`; the message is shown to readers verbatim. */
export class RequestError extends Error {
  override name = 'RequestError'
  readonly status: number
  /** The XRPC error name, one the lexicon declares or one of the general ones. */
  readonly error: string

  constructor(error: string, message: string, status = 400) {
    super(message)
    this.error = error
    this.status = status
  }
}

/** The text of anything that was thrown, with its causes, for a log line. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error)
  }
  // What went wrong first, and what then went wrong while cleaning up.
  if (error instanceof SuppressedError) {
    return `${describeError(error.suppressed)}; then: ${describeError(error.error)}`
  }
  const cause = error.cause === undefined ? '' : `: ${describeError(error.cause)}`
  return `${error.message || error.name}${cause}`
}
