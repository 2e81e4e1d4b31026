/** Sends all frames, of every collection, to whoever connects, as fast as they are taken. */
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { benchFrames } from './frames.ts'
import { tell } from './measure.ts'

const frames = benchFrames(Number(process.argv[2]))
const repeats = Number(process.argv[3] ?? 1)
const CHUNK = 500
const MAX_BUFFERED = 4 * 1024 * 1024

const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  path: '/subscribe',
  perMessageDeflate: false,
})
server.on('connection', (socket, request) => {
  const stream = request.socket
  let next = 0
  const send = (): void => {
    while (next < frames.length * repeats) {
      stream.cork()
      for (let count = 0; count < CHUNK && next < frames.length * repeats; count += 1) {
        socket.send(frames[next % frames.length] ?? '', { binary: false })
        next += 1
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
