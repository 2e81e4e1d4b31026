import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { RETRY_AFTER_SECONDS } from '../queue/plainErrors.ts'
import type { PlainError } from '../queue/plainErrors.ts'

/** So long after its end a connection is cut, whatever the client does. */
const LINGER_MS = 1_000

/** Answers a handshake as any other request is refused: as JSON. */
export function refuseUpgrade(socket: Duplex, { status, error, message }: PlainError): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const body = JSON.stringify({ error, message })
  const headers = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'connection: close',
    'access-control-allow-origin: *',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(status === 401 ? ['www-authenticate: Bearer'] : []),
    ...(status === 429 || status === 503 ? [`retry-after: ${RETRY_AFTER_SECONDS}`] : []),
  ]
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`)
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}
