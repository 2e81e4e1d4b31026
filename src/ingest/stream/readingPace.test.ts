import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createAuthority } from '../../../test/support/certificates.ts'
import { READ_AHEAD } from './jetstreamConnection.ts'
import { MessageReader } from './messageReader.ts'
import { ReadingPace } from './readingPace.ts'

const HEAD = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n'

function frame(length: number): Buffer {
  const header = Buffer.from([0x81, 126, 0, 0])
  header.writeUInt16BE(length, 2)
  return Buffer.concat([header, Buffer.alloc(length, 'x')])
}

/** Reads so many messages of a server; returns at how many moments any came. */
async function read(server: Server, count: number, open: (port: number) => Socket) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const moments = new Set<number>()
  const startedAt = performance.now()
  let messages = 0
  await new Promise<void>((resolve, reject) => {
    const reader: MessageReader = new MessageReader(open(port), {
      maxBytes: 100_000,
      onMessage: () => {
        messages += 1
        moments.add(Math.floor((performance.now() - startedAt) / 10))
        if (messages === count) {
          reader.destroy()
          resolve()
        }
      },
      onTooLarge: () => reject(new Error('no message is too large')),
    })
    reader.on('data', () => reader.begin())
    reader.on('error', reject)
  })
  const ms = performance.now() - startedAt
  await new Promise((resolve) => server.close(resolve))
  return { moments: moments.size, ms }
}

/** A frame every few milliseconds. */
function sendSlowly(socket: Socket, count: number): void {
  socket.on('error', () => {})
  socket.write(HEAD)
  let sent = 0
  const timer = setInterval(() => {
    socket.write(frame(500))
    sent += 1
    if (sent === count) {
      clearInterval(timer)
    }
  }, 3)
}

describe('a stream that comes frame by frame is read now and then', () => {
  const COUNT = 100

  test('over TCP', async () => {
    const server = createServer((socket) => sendSlowly(socket, COUNT))
    const { moments, ms } = await read(server, COUNT, (port) =>
      connect({ port, host: '127.0.0.1', highWaterMark: READ_AHEAD } as never),
    )
    expect(moments).toBeLessThan(ms / 25)
  })

  test('over TLS', async () => {
    const authority = createAuthority()
    const server = createTlsServer(authority.issue(), (socket) => sendSlowly(socket, COUNT))
    const options = { host: '127.0.0.1', ca: authority.pem, highWaterMark: READ_AHEAD }
    const { moments, ms } = await read(server, COUNT, (port) =>
      connectTls({ port, ...options } as never),
    )
    expect(moments).toBeLessThan(ms / 25)
  })
})

test('a replay is read without a rest', async () => {
  const COUNT = 10_000
  const one = frame(1_000)
  const all = Buffer.concat(Array.from({ length: COUNT }, () => one))
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(HEAD)
    socket.write(all)
  })
  const { ms } = await read(server, COUNT, (port) => connect(port, '127.0.0.1'))
  // With a rest after each piece that a socket reads it would be six seconds.
  expect(ms).toBeLessThan(3_000)
})

test('a reader that is busy itself does not rest while more is waiting', async () => {
  let rests = 0
  const pace = new ReadingPace({
    onRest: () => {
      rests += 1
    },
    onRested: () => {},
  })
  for (let read = 0; read < 4; read += 1) {
    pace.noteRead(64 * 1024)
    const until = performance.now() + 50
    while (performance.now() < until) {
      // Other work of the thread, or of the machine.
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  pace.stop()
  expect(rests).toBe(0)
})
