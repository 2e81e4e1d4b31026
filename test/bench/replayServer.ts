/**
 * Sends frames of every collection to whoever connects, as fast as they are taken: `COUNT REPEATS`
 * made ahead and sent over and over, or `COUNT fresh`, each made when it is sent.
 */
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { benchFrames, freshFrames } from './frames.ts'
import { tell } from './measure.ts'

const count = Number(process.argv[2])
const how = process.argv[3] ?? '1'
const made = how === 'fresh' ? undefined : benchFrames(count)
const CHUNK = 500
const MAX_BUFFERED = 4 * 1024 * 1024

function* repeatedFrames(frames: readonly Buffer[], repeats: number): Generator<Buffer> {
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    yield* frames
  }
}

const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  path: '/subscribe',
  perMessageDeflate: false,
})
server.on('connection', (socket, request) => {
  const stream = request.socket
  const frames = made === undefined ? freshFrames(count) : repeatedFrames(made, Number(how))
  let isDone = false
  const send = (): void => {
    while (!isDone) {
      stream.cork()
      for (let sent = 0; sent < CHUNK && !isDone; sent += 1) {
        const { value, done } = frames.next()
        isDone = done === true
        if (value !== undefined) {
          socket.send(value, { binary: false })
        }
      }
      stream.uncork()
      if (stream.writableLength > MAX_BUFFERED) {
        stream.once('drain', send)
        return
      }
    }
  }
  send()
})
server.on('listening', () => {
  tell({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/subscribe` })
})
