import type { IncomingMessage, ServerResponse } from 'node:http'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { RequestError } from '../errors.ts'
import type { Viewers } from '../viewers/viewers.ts'
import type { ReadClientAddress } from './clientAddress.ts'

const PER_MINUTE = 600
const WINDOW_SECONDS = 60

export interface AdmitOptions {
  readonly viewers: Pick<Viewers, 'verify'>
  readonly addressOf: ReadClientAddress
}

/**
 * Whose call it is, counted: undefined without a token.
 * @throws RequestError 401 and 503 as the verifier, 429 for one call too many
 */
export type AdmitCaller = (
  request: IncomingMessage,
  response: ServerResponse,
  method: string,
) => Promise<string | undefined>

/**
 * Limits calls a minute (contract, section 9): by the viewer, wherever it asks from; by address without a
 * token, and with a bad one. A token is looked at before its viewer is known, so that an address has a
 * bound for all of its tokens too. Feeds are never counted: all readers come from the AppView's few addresses.
 */
export function createAdmitCaller({ viewers, addressOf }: AdmitOptions): AdmitCaller {
  const options = { points: PER_MINUTE, duration: WINDOW_SECONDS }
  const byCaller = new RateLimiterMemory(options)
  const byAddress = new RateLimiterMemory({ ...options, points: 10 * PER_MINUTE })
  return async (request, response, method) => {
    const address = addressOf(request)
    await count(byAddress, address, response)
    let viewer: string | undefined
    try {
      viewer = await viewers.verify(request.headers.authorization, method)
    } catch (error) {
      await count(byCaller, address, response)
      throw error
    }
    await count(byCaller, viewer ?? address, response)
    return viewer
  }
}

async function count(
  limiter: RateLimiterMemory,
  caller: string,
  response: ServerResponse,
): Promise<void> {
  try {
    setHeaders(response, await limiter.consume(caller))
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) {
      throw refusal
    }
    const seconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000))
    setHeaders(response, refusal)
    response.setHeader('retry-after', seconds)
    const message = `This is at most ${PER_MINUTE} calls a minute: try again in ${seconds} s`
    throw new RequestError('RateLimitExceeded', message, 429)
  }
}

/** As the servers of Bluesky have them, which tell when the window ends in seconds since 1970. */
function setHeaders(
  response: ServerResponse,
  { remainingPoints, msBeforeNext }: RateLimiterRes,
): void {
  response.setHeader('ratelimit-limit', PER_MINUTE)
  response.setHeader('ratelimit-remaining', Math.min(PER_MINUTE, Math.max(0, remainingPoints)))
  response.setHeader('ratelimit-reset', Math.ceil((Date.now() + msBeforeNext) / 1_000))
  response.setHeader('ratelimit-policy', `${PER_MINUTE};w=${WINDOW_SECONDS}`)
}
