import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { openLocalServer } from '../../support/localServer.ts'
import type { PdsNetwork } from './network.ts'

export interface FrontRequest {
  readonly nsid: string
  readonly token: string | undefined
  readonly body: Buffer
}

/** An answer in place of that of the PDS, or silence for as long as the caller waits. */
export type FrontAnswer =
  | {
      readonly status: number
      readonly body?: object | string
      readonly headers?: Record<string, string>
    }
  | 'silence'

export interface Front extends AsyncDisposable {
  /** Of the front, as directory and as PDS of every account. */
  readonly url: string
  /** The methods called, in order. */
  readonly calls: readonly string[]
  /** Every token and password that went through, to be searched for. */
  readonly secrets: ReadonlySet<string>
}

const SECRET_FIELDS = new Set(['password', 'accessJwt', 'refreshJwt', 'authFactorToken'])

/**
 * Stands before a PDS and its directory: DID documents name it as the PDS, calls go on to the PDS unless
 * `answer` has something else to say.
 */
export async function openFront(
  { pdsUrl, plcUrl }: PdsNetwork,
  answer: (request: FrontRequest) => Promise<FrontAnswer | undefined> | FrontAnswer | undefined,
): Promise<Front> {
  const calls: string[] = []
  const secrets = new Set<string>()
  const note = (text: string): void => {
    for (const [, field = '', value = ''] of text.matchAll(/"(\w+)":"([^"]+)"/gu)) {
      if (SECRET_FIELDS.has(field)) {
        secrets.add(value)
      }
    }
  }
  const server = await openLocalServer((request, response) => void handle(request, response))

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    const nsid = /^\/xrpc\/([\w.]+)/u.exec(path)?.[1]
    const body = await buffer(request)
    if (nsid === undefined) {
      const document = await (await fetch(`${plcUrl}${path}`)).text()
      response.setHeader('content-type', 'application/json')
      response.end(document.replaceAll(pdsUrl, server.url))
      return
    }
    const { authorization, 'content-type': type } = request.headers
    const token = authorization?.replace('Bearer ', '')
    calls.push(nsid)
    note(body.toString())
    if (token !== undefined) {
      secrets.add(token)
    }
    const own = await answer({ nsid, token, body })
    if (own === 'silence') {
      return
    }
    if (own !== undefined) {
      const text = typeof own.body === 'string' ? own.body : JSON.stringify(own.body ?? {})
      note(text)
      const isJson = typeof own.body !== 'string'
      response.writeHead(own.status, {
        'content-type': isJson ? 'application/json' : 'text/html',
        ...own.headers,
      })
      response.end(text)
      return
    }
    const answered = await fetch(`${pdsUrl}${path}`, {
      method: request.method ?? 'GET',
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        ...(type === undefined ? {} : { 'content-type': type }),
      },
      ...(request.method === 'POST' && body.length > 0 ? { body: new Uint8Array(body) } : {}),
    })
    const text = await answered.text()
    note(text)
    response.writeHead(answered.status, { 'content-type': 'application/json' })
    response.end(text)
  }

  return {
    url: server.url,
    calls,
    secrets,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
