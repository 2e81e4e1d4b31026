import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** Stands between a service and its database, and fails as networks do. */
export interface TcpProxy extends AsyncDisposable {
  /** The same URL, by way of this proxy. */
  through(url: string): string
  /** Nothing gets through in either direction, nor the news that an end has gone. */
  stall(): void
  /** What has waited goes on its way. */
  resume(): void
  /** Ends every connection, and refuses new ones. */
  close(): Promise<void>
  open(): Promise<void>
}

/** A proxy on a free port of the loopback, which it keeps. */
export async function openTcpProxy(target: string): Promise<TcpProxy> {
  const proxy = new Proxy(Number(new URL(target).port))
  await proxy.open()
  return proxy
}

class Proxy implements TcpProxy {
  readonly #targetPort: number
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port = 0
  #isStalled = false

  constructor(targetPort: number) {
    this.#targetPort = targetPort
  }

  through(url: string): string {
    const own = new URL(url)
    own.port = String(this.#port)
    return own.href
  }

  stall(): void {
    this.#isStalled = true
    for (const socket of this.#sockets) {
      socket.pause()
    }
  }

  resume(): void {
    this.#isStalled = false
    for (const socket of this.#sockets) {
      socket.resume()
    }
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.#sockets) {
      socket.destroy()
    }
    this.#sockets.clear()
    this.#isStalled = false
    await new Promise<void>((resolve) => {
      if (server === undefined) {
        resolve()
      } else {
        server.close(() => resolve())
      }
    })
  }

  async open(): Promise<void> {
    const server = createServer((client) => {
      const target = connect(this.#targetPort, '127.0.0.1')
      this.#join(client, target)
      this.#join(target, client)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    from.on('data', (data) => to.write(data))
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => this.#sockets.delete(from))
    if (this.#isStalled) {
      from.pause()
    }
  }
}
