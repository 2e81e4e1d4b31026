import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Socket } from 'node:net'
import { closeServer, createQueuedServer } from '../../src/http/httpServer.ts'
import type { Listening } from '../../src/http/httpServer.ts'
import type { Answerer } from '../../src/queue/answerer.ts'

export interface QueuedServer extends AsyncDisposable {
  readonly port: number
  /** Connections that the service has not let go. */
  connections(): Promise<number>
  /** A connection that does not end its side when the service ends the other, as `net` does by itself. */
  open(text?: string): Socket
}

/** A server on loopback whose requests go through the queue of the service to an answerer of the test. */
export async function openQueuedServer(answerer: Answerer): Promise<QueuedServer> {
  const listening: Listening = createQueuedServer()
  const { server, queue } = listening
  queue.use(answerer)
  const sockets: Socket[] = []
  await new Promise<void>((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
      }),
    open: (text) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      // Being cut off is what some tests wait for.
      socket.on('error', () => {})
      if (text !== undefined) {
        socket.write(text)
      }
      sockets.push(socket)
      return socket
    },
    [Symbol.asyncDispose]: async () => {
      sockets.forEach((socket) => socket.destroy())
      await closeServer(listening)
    },
  }
}

/** All that comes over a connection until the service ends or cuts it. */
export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.setEncoding('latin1').on('data', (data) => (text += String(data)))
    socket.once('end', () => resolve(text))
    socket.once('close', () => resolve(text))
  })
}
