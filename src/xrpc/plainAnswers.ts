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

/** Answers with an error without any framework: nothing is cheaper. */
export function sendError(
  response: ServerResponse,
  { status, error, message }: PlainError,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify({ error, message })
  response.writeHead(status, {
    'access-control-allow-origin': '*',
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...((status === 429 || status === 503) && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
    ...headers,
  })
  response.end(body)
}
