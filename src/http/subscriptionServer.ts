/** WebSockets on the server of everything else: a request becomes one here, or is refused as any other. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { RequestError, describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { SUBSCRIBE_POSTS } from '../xrpc/subscribePosts.ts'
import type { SubscribePosts } from '../xrpc/subscribePosts.ts'
import { toXrpcError } from '../xrpc/xrpcErrors.ts'
import { refuseUpgrade } from './refuseUpgrade.ts'
import { SubscriptionSocket } from './subscriptionSocket.ts'

export interface SubscriptionServerOptions {
  readonly subscribePosts: SubscribePosts
  readonly logger: Logger
  /** The address for which a request counts. */
  readonly addressOf?: (request: IncomingMessage) => string
}

const PATH = `/xrpc/${SUBSCRIBE_POSTS}`
const PROTOCOL = 'xrpc.v1.json'
const MOST = 1_000
const MOST_OF_ADDRESS = 10
/** Nothing is to come from a client: a message that is larger is not even read. */
const MAX_PAYLOAD_BYTES = 1_024
const LOOK_MS = 1_000
const PING_MS = 30_000

/** Whether a request asks for a WebSocket where there is one. */
export function asksForSubscription({ url = '', headers }: IncomingMessage): boolean {
  const isPath = url.startsWith(PATH) && (url.length === PATH.length || url[PATH.length] === '?')
  return isPath && headers.upgrade?.toLowerCase() === 'websocket'
}

export class SubscriptionServer implements Disposable {
  readonly #options: SubscriptionServerOptions
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_PAYLOAD_BYTES,
    // A list is a line of its own in the lexicon of no client: what we speak, or nothing.
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  })
  readonly #sockets = new Set<SubscriptionSocket>()
  readonly #ofAddress = new Map<string, number>()
  readonly #timers: readonly NodeJS.Timeout[]
  #count = 0
  #isClosing = false

  constructor(options: SubscriptionServerOptions) {
    this.#options = options
    this.#server.on('wsClientError', (_error, socket) => {
      refuseUpgrade(socket, {
        status: 400,
        error: 'InvalidRequest',
        message: 'This is no handshake of a WebSocket, version 13',
      })
    })
    this.#timers = [
      setInterval(() => {
        const nowMs = performance.now()
        this.#sockets.forEach((socket) => socket.look(nowMs))
      }, LOOK_MS).unref(),
      setInterval(() => this.#sockets.forEach((socket) => socket.ping()), PING_MS).unref(),
    ]
  }

  get size(): number {
    return this.#count
  }

  /** Sends everybody away. */
  [Symbol.dispose](): void {
    this.#isClosing = true
    this.#timers.forEach((timer) => clearInterval(timer))
    this.#sockets.forEach((socket) => socket.goAway())
  }

  /** Answers a request for which `asksForSubscription`. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    this.#take(request, socket, head).catch((error: unknown) => {
      const { statusCode, payload } = toXrpcError(error, this.#options.logger)
      const { error: name = 'InternalServerError', message = '' } = payload
      refuseUpgrade(socket, { status: statusCode, error: name, message })
    })
  }

  async #take(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { subscribePosts, logger, addressOf = socketAddress } = this.#options
    const address = addressOf(request)
    this.#throwIfFull(address)
    const query = await subscribePosts.read(request)
    this.#throwIfFull(address)
    this.#add(address, 1)
    socket.once('close', () => this.#add(address, -1))
    if (socket.destroyed) {
      return
    }
    this.#server.handleUpgrade(request, socket, head, (websocket) => {
      const subscriber = new SubscriptionSocket(websocket)
      this.#sockets.add(subscriber)
      let end: (() => void) | undefined
      let isOver = false
      websocket.once('close', () => {
        isOver = true
        this.#sockets.delete(subscriber)
        end?.()
      })
      subscribePosts.begin(query, subscriber).then(
        (ends) => {
          end = ends
          if (isOver) {
            ends()
          }
        },
        (error: unknown) => {
          const reason = describeError(error)
          logger.warn(
            { event: 'subscriptionFailed', reason },
            `a subscription could not begin: ${reason}`,
          )
          websocket.close(1011, 'The service cannot read what has happened: come back later')
        },
      )
    })
  }

  #throwIfFull(address: string): void {
    if (this.#count >= MOST || this.#isClosing) {
      throw new RequestError(
        'ServiceUnavailable',
        `There are ${MOST} subscribers, and no more: try again later`,
        503,
      )
    }
    if ((this.#ofAddress.get(address) ?? 0) >= MOST_OF_ADDRESS) {
      throw new RequestError(
        'RateLimitExceeded',
        `There are ${MOST_OF_ADDRESS} subscriptions from this address: end one before the next`,
        429,
      )
    }
  }

  #add(address: string, change: 1 | -1): void {
    const count = (this.#ofAddress.get(address) ?? 0) + change
    this.#count += change
    if (count === 0) {
      this.#ofAddress.delete(address)
    } else {
      this.#ofAddress.set(address, count)
    }
  }
}

function socketAddress({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? ''
}
