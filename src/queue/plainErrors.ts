import type { ServerResponse } from 'node:http'

/** What a caller that is turned away is told to wait. */
export const RETRY_AFTER_SECONDS = 2

export interface PlainError {
  readonly status: number
  readonly error: string
  readonly message: string
}

export const TOO_BUSY: PlainError = {
  status: 429,
  error: 'RateLimitExceeded',
  message: 'This feed is very busy: try again in a moment',
}
/** Made once: while there is overload nothing is sent more often. */
export const PREPARED_TOO_BUSY = prepare(TOO_BUSY)

export const TOO_SLOW: PlainError = {
  status: 503,
  error: 'ServiceUnavailable',
  message: 'This takes too long right now: try again in a moment',
}

export const INCOMPLETE: PlainError = {
  status: 400,
  error: 'InvalidRequest',
  message: 'The request is not whole',
}

export const STARTING: PlainError = {
  status: 503,
  error: 'NotReady',
  message: 'This service is starting: try again in a moment',
}

/** Answers with an error without any framework. */
export function sendError(
  response: ServerResponse,
  error: PlainError,
  headers: readonly string[] = [],
): void {
  const prepared = prepare(error)
  sendPrepared(response, { ...prepared, headers: [...prepared.headers, ...headers] })
}

interface PreparedError {
  readonly status: number
  readonly headers: string[]
  readonly body: string
}

function prepare({ status, error, message }: PlainError): PreparedError {
  const body = JSON.stringify({ error, message })
  return {
    status,
    headers: [
      ...['access-control-allow-origin', '*', 'content-type', 'application/json; charset=utf-8'],
      ...['content-length', String(Buffer.byteLength(body))],
      ...(status === 401 ? ['www-authenticate', 'Bearer'] : []),
      ...(status === 429 || status === 503 ? ['retry-after', String(RETRY_AFTER_SECONDS)] : []),
    ],
    body,
  }
}

/** The cheapest answer there is: under overload most of the work is to say no. */
export function sendPrepared(response: ServerResponse, { status, headers, body }: PreparedError) {
  response.writeHead(status, headers)
  response.end(body)
}
