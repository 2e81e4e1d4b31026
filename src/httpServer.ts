import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { Config } from './config.ts'

/** Listens, and answers 503 until there is something to answer with. */
export function listen({ port, listenHost }: Config): Promise<Server> {
  const server = createServer({
    requestTimeout: 30_000,
    headersTimeout: 10_000,
    // Answered like any other request: Node's own refusal has no body.
    requireHostHeader: false,
  })
  server.on('checkExpectation', (_request, response) => {
    response.writeHead(417, {
      'content-type': 'application/json',
      'access-control-allow-origin': '*',
    })
    response.end(
      '{"error":"InvalidRequest","message":"Nothing but 100-continue can be expected here"}',
    )
  })
  server.keepAliveTimeout = 65_000
  server.maxConnections = 20_000
  server.on('request', (_request, response) => {
    response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '2' })
    response.end('{"error":"NotReady","message":"This service is starting: try again in a moment"}')
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy()
      return
    }
    const [status, body] =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? ['431 Request Header Fields Too Large', 'the request is too long']
        : ['400 Bad Request', 'the request is not HTTP']
    const text = JSON.stringify({ error: 'InvalidRequest', message: body })
    socket.end(
      `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
        `access-control-allow-origin: *\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
    )
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          error.code === 'EADDRINUSE'
            ? `port ${port} is taken by another process: stop it, or set FEEDGEN_PORT to another port`
            : `cannot listen on ${listenHost} port ${port}: ${error.message}`,
        ),
      )
    })
    server.listen(port, listenHost, () => {
      server.removeAllListeners('error')
      resolve(server)
    })
  })
}

const CLOSE_MS = 3_000

/** Lets requests in flight end, for a while. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}

/** An IPv6 address stands in brackets in a URL. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
