import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { createAuthority } from '../../../test/support/certificates.ts'
import { FrameSocket } from './frameSocket.ts'
import type { FrameSocketOptions } from './frameSocket.ts'

interface Outcome {
  readonly messages: { readonly bytes: Buffer; readonly isBinary: boolean }[]
  /** At how many moments any came, of a hundredth of a second each. */
  readonly moments: number
  readonly ms: number
  /** Undefined when all have come. */
  readonly error: string | undefined
}

/** Reads so many messages of a server, or to the end. */
async function read(
  server: Server,
  send: (client: WebSocket) => void,
  { count, ...options }: { count: number; tls?: FrameSocketOptions['tls'] & object },
): Promise<Outcome> {
  new WebSocketServer({ server }).on('connection', (client) => send(client))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const messages: Outcome['messages'] = []
  const moments = new Set<number>()
  const startedAt = performance.now()
  const error = await new Promise<string | undefined>((resolve) => {
    const scheme = options.tls === undefined ? 'ws' : 'wss'
    const socket = new FrameSocket(`${scheme}://127.0.0.1:${port}/subscribe`, {
      ...options,
      onMessage: (bytes, isBinary) => {
        messages.push({ bytes, isBinary })
        moments.add(Math.floor((performance.now() - startedAt) / 10))
        if (messages.length === count) {
          resolve(undefined)
          socket.terminate()
        }
      },
    })
    socket.on('error', ({ message }) => resolve(message))
  })
  const ms = performance.now() - startedAt
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return { messages, moments: moments.size, ms, error }
}

/** A message every few milliseconds. */
function sendSlowly(count: number): (client: WebSocket) => void {
  return (client) => {
    client.on('error', () => {})
    let sent = 0
    const timer = setInterval(() => {
      client.send('x'.repeat(500))
      sent += 1
      if (sent === count) {
        clearInterval(timer)
      }
    }, 3)
  }
}

describe('a stream that comes frame by frame is read now and then', () => {
  const count = 100

  test('over TCP', async () => {
    const { moments, ms } = await read(createServer(), sendSlowly(count), { count })
    expect(moments).toBeLessThan(ms / 25)
  })

  test('over TLS', async () => {
    const authority = createAuthority()
    const server = createTlsServer(authority.issue())
    const tls = { ca: authority.pem }
    const { moments, ms } = await read(server, sendSlowly(count), { count, tls })
    expect(moments).toBeLessThan(ms / 25)
  })
})

test('a replay is read without a rest', async () => {
  const count = 10_000
  const text = 'x'.repeat(1_000)
  const { ms } = await read(
    createServer(),
    (client) => {
      for (let index = 0; index < count; index += 1) {
        client.send(text)
      }
    },
    { count },
  )
  // With a rest after each piece that a socket reads it would be six seconds.
  expect(ms).toBeLessThan(3_000)
})

test('messages are handed out whole and unread: in parts, binary, no UTF-8, and very large', async () => {
  const large = Buffer.alloc(9 * 1024 * 1024, 'x')
  const noText = Buffer.from([0x7b, 0xff, 0xfe])
  const { messages, error } = await read(
    createServer(),
    (client) => {
      client.send('{"one":', { fin: false })
      client.send('1}', { fin: true })
      client.send(noText, { binary: false })
      client.send(large, { binary: false })
      client.send(Buffer.from([1]))
    },
    { count: 4 },
  )
  expect(error).toBeUndefined()
  expect(messages.map(({ bytes, isBinary }) => [bytes.length, isBinary])).toEqual([
    [9, false],
    [3, false],
    [large.length, false],
    [1, true],
  ])
  expect(messages[0]?.bytes.toString()).toBe('{"one":1}')
  expect(messages[1]?.bytes).toEqual(noText)
})

test('a message above 64 MiB ends the connection with a reason', async () => {
  const { error } = await read(
    createServer(),
    (client) => {
      client.on('error', () => {})
      client.send(Buffer.alloc(65 * 1024 * 1024))
    },
    { count: 1 },
  )
  expect(error).toMatch(/payload size/u)
})
