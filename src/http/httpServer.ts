import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { Config } from '../config/config.ts'
import { STARTING, sendError } from '../queue/plainErrors.ts'
import { refuseConnection } from '../queue/refuseConnection.ts'
import { RequestQueue } from '../queue/requestQueue.ts'
import { asksForSubscription } from './subscriptionServer.ts'
import type { SubscriptionServer } from './subscriptionServer.ts'

export interface Listening {
  readonly server: Server
  /** Takes WebSockets as soon as there is something to take them with. */
  readonly upgrades: Upgrades
  /** Whatever comes over the server goes through it. */
  readonly queue: RequestQueue
}

export interface Upgrades {
  server: SubscriptionServer | undefined
}

/** As many as the system may hold until they are accepted: one a turn of the event loop. */
const BACKLOG = 4_096
const MAX_CONNECTIONS = 10_000

/** Listens, and answers 503 until there is something to answer with. */
export function listen({ port, listenHost }: Config): Promise<Listening> {
  const { server, queue, upgrades } = createQueuedServer()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          error.code === 'EADDRINUSE'
            ? `port ${port} is taken by another process: stop it, or set FEEDGEN_PORT to another port`
            : `cannot listen on ${listenHost} port ${port}: ${error.message}`,
        ),
      )
    })
    server.listen({ port, host: listenHost, backlog: BACKLOG }, () => {
      server.removeAllListeners('error')
      resolve({ server, queue, upgrades })
    })
  })
}

/** A server that does not listen yet, and the queue to which something that answers is to be given. */
export function createQueuedServer(): Listening {
  const upgrades: Upgrades = { server: undefined }
  const server = createServer({
    // All else is a request like any other, whatever it offers to become.
    shouldUpgradeCallback: (request) =>
      upgrades.server !== undefined && asksForSubscription(request),
    requestTimeout: 30_000,
    headersTimeout: 10_000,
    // How often the two above are looked at.
    connectionsCheckingInterval: 5_000,
    // Answered like any other request: Node's own refusal has no body.
    requireHostHeader: false,
    noDelay: true,
    // Few requests have a body: the events of those that have none cost a tenth of an answer.
    optimizeEmptyRequests: true,
  })
  server.keepAliveTimeout = 65_000
  server.maxConnections = MAX_CONNECTIONS
  const queue = new RequestQueue({ answer: ({ response }) => sendError(response, STARTING) })
  queue.attach(server)
  server.on('checkExpectation', (request, response) =>
    queue.admit(request, response, (asked) => sendError(asked.response, UNEXPECTED)),
  )
  server.on('upgrade', (request, socket, head) =>
    queue.whenIdle(request.socket, () => upgrades.server?.take(request, socket, head)),
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    refuseConnection(error, socket, queue),
  )
  return { server, queue, upgrades }
}

const UNEXPECTED = {
  status: 417,
  error: 'InvalidRequest',
  message: 'Nothing but 100-continue can be expected here',
}

const CLOSE_MS = 3_000

/** Lets requests in flight end, for a while. */
export async function closeServer({ server, queue, upgrades }: Listening): Promise<void> {
  upgrades.server?.[Symbol.dispose]()
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
  queue[Symbol.dispose]()
}
