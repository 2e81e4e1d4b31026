import { XRPCError } from '@atproto/xrpc-server'
import { BusyError, troubleOf } from '../db/databaseErrors.ts'
import { RequestError, describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { TOO_BUSY } from '../queue/plainErrors.ts'

/** With what a caller is told to try again, after `RETRY_AFTER_SECONDS`. */
const FOR_LATER = new Set([429, 503])
const TELL_EVERY_MS = 5_000
let toldAt = Number.NEGATIVE_INFINITY

export function isForLater(statusCode: number): boolean {
  return FOR_LATER.has(statusCode)
}

/** Errors of ours keep their name and message; one that nobody foresaw is logged and told as a 500. */
export function toXrpcError(error: unknown, logger: Logger): XRPCError {
  if (error instanceof RequestError) {
    return new XRPCError(error.status, error.message, error.error)
  }
  if (error instanceof BusyError) {
    return new XRPCError(TOO_BUSY.status, TOO_BUSY.message, TOO_BUSY.error)
  }
  const trouble = troubleOf(error)
  if (trouble === 'lost' || trouble === 'transient') {
    logSometimes(error, logger)
    const message = 'This feed cannot be read right now: try again in a moment'
    return new XRPCError(503, message, 'ServiceUnavailable')
  }
  if (trouble === 'refused') {
    // Only what the caller has sent can be a value that the database does not take.
    return new XRPCError(400, 'This request cannot be read', 'InvalidRequest')
  }
  const known = XRPCError.fromError(error)
  // A method that is not there is the caller's mistake, whatever its status.
  if (known.statusCode >= 500 && known.statusCode !== 501) {
    const reason = describeError(error)
    logger.error({ event: 'requestFailed', reason }, `a request failed: ${reason}`)
  }
  return known
}

/** While the database is away every request fails for the same reason. */
function logSometimes(error: unknown, logger: Logger): void {
  const now = performance.now()
  if (now - toldAt >= TELL_EVERY_MS) {
    toldAt = now
    const reason = describeError(error)
    logger.error({ event: 'requestsFail', reason }, `readers are turned away: ${reason}`)
  }
}
