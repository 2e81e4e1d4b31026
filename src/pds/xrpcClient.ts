import { setTimeout as wait } from 'node:timers/promises'
import { describeFetchFailure } from '../identity/describeFetchFailure.ts'
import type { Fetch } from '../identity/guardedFetch.ts'
import { excerpt } from '../texts/quote.ts'
import { isObject } from './json.ts'
import type { JsonObject } from './json.ts'
import { PdsError, describeNamedError } from './pdsError.ts'
import { describeWait, readRetryAfterMs } from './retryAfter.ts'
import type { Secrets } from './secrets.ts'

/** One call of an XRPC method: a query when it has no input. */
export interface XrpcCall {
  readonly nsid: string
  readonly params?: Readonly<Record<string, string>>
  readonly input?: JsonObject | Upload | 'none'
  readonly token?: string
  /** In place of that of the client. */
  readonly signal?: AbortSignal
}

export interface Upload {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly mimeType: string
}

export interface XrpcClientOptions {
  /** Without a slash at the end. */
  readonly serviceUrl: string
  readonly fetch: Fetch
  readonly secrets: Secrets
  readonly signal: AbortSignal
}

/** A server that asks for more patience than this is not waited for. */
const MAX_WAIT_MS = 5_000
const MAX_ATTEMPTS = 3
const MAX_MESSAGE = 300

/** The person, or the machine, wants the command to end. */
export class StoppedError extends Error {
  override name = 'StoppedError'

  constructor() {
    super('stopped before the end: the same command goes on from what is there')
  }
}

/** Calls XRPC methods, and turns what goes wrong into sentences without secrets. */
export class XrpcClient {
  readonly #options: XrpcClientOptions
  /** Names the server in sentences. */
  readonly host: string

  constructor(options: XrpcClientOptions) {
    this.#options = options
    this.host = new URL(options.serviceUrl).host
  }

  get secrets(): Secrets {
    return this.#options.secrets
  }

  /**
   * The answer of a method. A server that is busy for a few seconds is asked again after them.
   * @throws PdsError for an answer that is none, or an error
   */
  async call(call: XrpcCall): Promise<JsonObject> {
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.#send(call)
      const body = await this.#read(call, response)
      if (response.ok) {
        return body
      }
      const failure = this.#describe(call, response, body)
      const waitMs = failure.status === 429 ? failure.retryAfterMs : undefined
      if (waitMs === undefined || waitMs > MAX_WAIT_MS || attempt === MAX_ATTEMPTS) {
        throw failure
      }
      await wait(waitMs, undefined, { signal: this.#options.signal }).catch(() => {
        throw new StoppedError()
      })
    }
  }

  async #send({ nsid, params = {}, input, token, signal }: XrpcCall): Promise<Response> {
    const { serviceUrl, fetch } = this.#options
    const query = new URLSearchParams(params).toString()
    const headers = new Headers({ accept: 'application/json' })
    if (token !== undefined) {
      headers.set('authorization', `Bearer ${token}`)
    }
    const url = `${serviceUrl}/xrpc/${nsid}${query === '' ? '' : `?${query}`}`
    try {
      const sent = { headers, ...encodeInput(input, headers) }
      return await fetch(url, { ...sent, signal: signal ?? this.#options.signal })
    } catch (error) {
      throw this.#noAnswer(nsid, error)
    }
  }

  async #read({ nsid }: XrpcCall, response: Response): Promise<JsonObject> {
    let text: string
    try {
      text = await response.text()
    } catch (error) {
      throw this.#noAnswer(nsid, error)
    }
    const body = parseObject(text === '' ? '{}' : text)
    if (body === undefined && response.ok) {
      throw new PdsError(
        `${this.host} answers ${nsid} with something that is no JSON: is it a PDS?`,
      )
    }
    return body ?? {}
  }

  #noAnswer(nsid: string, error: unknown): Error {
    if (this.#options.signal.aborted) {
      return new StoppedError()
    }
    // Without the error as its cause: what it holds of the request is unknown.
    const reason = this.#options.secrets.redact(describeFetchFailure(error))
    return new PdsError(
      `${this.host} gave no answer to ${nsid}: ${reason}. Run the command again later: it goes on from what is there`,
    )
  }

  #describe({ nsid }: XrpcCall, response: Response, body: JsonObject): PdsError {
    const { status, headers } = response
    const said = typeof body['message'] === 'string' ? this.#shown(body['message']) : ''
    const named = typeof body['error'] === 'string' ? this.#shown(body['error']) : ''
    // PDSs have no name for a repository that they do not have, or do not show.
    const error = said.startsWith('Could not find repo') ? 'RepoNotFound' : named
    const nowMs = Date.now()
    const retryAfterMs = readRetryAfterMs(headers, nowMs)
    const answer = { status, error, retryAfterMs }
    const words = [error, said].filter((text) => text !== '').join(': ')
    const detail = words === '' ? '' : ` (${words})`
    if (status === 429) {
      const when = retryAfterMs === undefined ? 'later' : describeWait(retryAfterMs, nowMs)
      return new PdsError(`${this.host} has had too many requests: try again ${when}`, answer)
    }
    if (status >= 500) {
      const advice = 'the fault is there: try again later'
      return new PdsError(`${this.host} answers ${status} to ${nsid}${detail}: ${advice}`, answer)
    }
    const meaning = describeNamedError(error)
    const sentence = meaning ?? `${this.host} refuses ${nsid} with ${status}${detail}`
    return new PdsError(sentence, answer)
  }

  /** Text of a server, as part of a sentence: without secrets, control characters and length. */
  #shown(text: string): string {
    return excerpt(this.#options.secrets.redact(text), MAX_MESSAGE)
  }
}

function encodeInput(input: XrpcCall['input'], headers: Headers): RequestInit {
  if (input === undefined) {
    return { method: 'GET' }
  }
  if (input === 'none') {
    return { method: 'POST' }
  }
  if (input['bytes'] instanceof Uint8Array) {
    const { bytes, mimeType } = input as Upload
    headers.set('content-type', mimeType)
    return { method: 'POST', body: bytes }
  }
  headers.set('content-type', 'application/json')
  return { method: 'POST', body: JSON.stringify(input) }
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    // A page for people, for example; the caller knows what was asked, and says so.
    return undefined
  }
}
