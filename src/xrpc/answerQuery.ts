import type { RequestHandler } from 'express'
import { RequestError } from '../errors.ts'
import type { XrpcContext } from './xrpcContext.ts'

/** Makes the body of an answer; `isOver`: nobody waits for it any more. */
type MakeBody = (
  search: string,
  isOver: () => boolean,
  viewer: string | undefined,
) => Promise<object>

/** Answers a query of our own: a token is optional, but a bad one is refused. */
export function answerQuery(
  { admit }: Pick<XrpcContext, 'admit'>,
  method: string,
  makeBody: MakeBody,
): RequestHandler {
  return (request, response, next) => {
    const answer = async (): Promise<void> => {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        const message = `Incorrect HTTP method (${request.method}) expected GET`
        throw new RequestError('InvalidRequest', message)
      }
      const viewer = await admit(request, response, method)
      const from = request.originalUrl.indexOf('?')
      const search = from === -1 ? '' : request.originalUrl.slice(from + 1)
      const isOver = (): boolean => response.writableEnded || response.destroyed
      const body = await makeBody(search, isOver, viewer)
      if (!isOver()) {
        response.json(body)
      }
    }
    answer().catch(next)
  }
}
