import type { IncomingMessage } from 'node:http'
import { RequestError } from '../errors.ts'

/**
 * The body of a request as JSON, up to a size.
 * @throws RequestError 400 for no JSON, 413 for too much, 415 for another type
 */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json\s*(?:;|$)/iu.test(type)) {
    throw new RequestError('InvalidRequest', 'Content-Type is application/json', 415)
  }
  if (request.headers['content-encoding'] !== undefined) {
    throw new RequestError('InvalidRequest', 'The body is sent as it is, without an encoding', 415)
  }
  const chunks: Buffer[] = []
  let bytes = Number(request.headers['content-length'] ?? 0)
  if (bytes <= maxBytes) {
    bytes = 0
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) {
        break
      }
      chunks.push(chunk)
    }
  }
  if (bytes > maxBytes) {
    throw new RequestError('PayloadTooLarge', `The body is at most ${maxBytes} bytes`, 413)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch {
    throw new RequestError('InvalidRequest', 'The body is no JSON')
  }
}
