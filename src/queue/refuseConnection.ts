import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { RequestQueue } from './requestQueue.ts'

/** So long after its end a connection is cut, whatever the client does: it has had time to read why. */
const LINGER_MS = 1_000

const refused = new WeakSet<Duplex>()

/**
 * Ends a connection that times out or does not speak HTTP: after the answers to the requests before,
 * and for good. A client that does not end its side would keep it open for ever.
 */
export function refuseConnection(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  queue: RequestQueue,
): void {
  if (refused.has(socket)) {
    return
  }
  refused.add(socket)
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const broken = queue.breakOff(socket as Socket)
  queue.whenIdle(socket as Socket, () => {
    socket.end(broken ? undefined : answerOf(error))
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  })
}

function answerOf({ code }: NodeJS.ErrnoException): string {
  const [status, message] =
    code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The request is too long']
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long to arrive']
        : ['400 Bad Request', 'The request is not HTTP']
  const text = JSON.stringify({ error: 'InvalidRequest', message })
  return (
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
    `access-control-allow-origin: *\r\ncontent-length: ${text.length}\r\n\r\n${text}`
  )
}
