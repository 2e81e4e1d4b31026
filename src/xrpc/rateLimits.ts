import type { RequestHandler } from 'express'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { RequestError } from '../errors.ts'
import { claimedIssuer } from '../viewers/serviceToken.ts'
import type { ReadClientAddress } from './clientAddress.ts'

const PER_MINUTE = 600
const WINDOW_SECONDS = 60

/**
 * Limits calls a minute, by address; with a token by address and whom it claims to be of, so that viewers
 * behind one address do not count for each other. A claim costs nothing: a whole address has a bound too.
 */
export function createRateLimit(addressOf: ReadClientAddress): RequestHandler {
  const options = { points: PER_MINUTE, duration: WINDOW_SECONDS }
  const byCaller = new RateLimiterMemory(options)
  const byAddress = new RateLimiterMemory({ ...options, points: 10 * PER_MINUTE })
  return (request, response, next) => {
    const address = addressOf(request)
    const { authorization } = request.headers
    const claimed = authorization === undefined ? undefined : claimedIssuer(authorization)
    const count = async (): Promise<void> => {
      await byAddress.consume(address)
      const { remainingPoints, msBeforeNext } = await byCaller.consume(
        `${address} ${claimed?.slice(0, 100) ?? ''}`,
      )
      response.setHeader('ratelimit-limit', PER_MINUTE)
      response.setHeader('ratelimit-remaining', remainingPoints)
      response.setHeader('ratelimit-reset', Math.ceil(msBeforeNext / 1_000))
      response.setHeader('ratelimit-policy', `${PER_MINUTE};w=${WINDOW_SECONDS}`)
    }
    count().then(
      () => next(),
      (refusal: unknown) => {
        if (!(refusal instanceof RateLimiterRes)) {
          next(refusal)
          return
        }
        const seconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000))
        response.setHeader('ratelimit-limit', PER_MINUTE)
        response.setHeader('ratelimit-remaining', 0)
        response.setHeader('ratelimit-reset', seconds)
        response.setHeader('ratelimit-policy', `${PER_MINUTE};w=${WINDOW_SECONDS}`)
        response.setHeader('retry-after', seconds)
        const message = `This is at most ${PER_MINUTE} calls a minute: try again in ${seconds} s`
        next(new RequestError('RateLimitExceeded', message, 429))
      },
    )
  }
}
