import { XRPCError } from '@atproto/xrpc-server'
import { RequestError, describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'

/** Errors of ours keep their name and message; one that nobody foresaw is logged and told as a 500. */
export function toXrpcError(error: unknown, logger: Logger): XRPCError {
  if (error instanceof RequestError) {
    return new XRPCError(error.status, error.message, error.error)
  }
  const known = XRPCError.fromError(error)
  // A method that is not there is the caller's mistake, whatever its status.
  if (known.statusCode >= 500 && known.statusCode !== 501) {
    const reason = describeError(error)
    logger.error({ event: 'requestFailed', reason }, `a request failed: ${reason}`)
  }
  return known
}
