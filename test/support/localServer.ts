import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface LocalServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string
  readonly port: number
}

export interface SecureOptions {
  readonly key: Buffer
  readonly cert: Buffer
}

/** A real server on a free port of the loopback; by TLS when there is a certificate. */
export async function openLocalServer(
  listener: RequestListener,
  secure?: SecureOptions,
): Promise<LocalServer> {
  const server = secure ? createSecureServer({ ...secure }, listener) : createServer(listener)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `${secure ? 'https' : 'http'}://localhost:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

/** Answers from a table of paths: an object as JSON, a text as it is, a number as a status alone. */
export function answerFrom(table: Record<string, object | string | number>) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const answer = table[decodeURIComponent(request.url ?? '')] ?? 404
    const isJson = typeof answer === 'object'
    response.writeHead(typeof answer === 'number' ? answer : 200, {
      'content-type': isJson ? 'application/json' : 'text/plain',
    })
    response.end(isJson ? JSON.stringify(answer) : String(answer))
  }
}
