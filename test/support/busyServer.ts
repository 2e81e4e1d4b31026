/**
 * A server in a process of its own whose answers go through the queue of the service, and cost so many
 * milliseconds each: more is asked of it than it can answer.
 */
import type { AddressInfo } from 'node:net'
import { createQueuedServer } from '../../src/http/httpServer.ts'

const workMs = Number(process.argv[2])
const { server, queue } = createQueuedServer()
queue.use({
  answer: ({ response }) => {
    const endsAt = performance.now() + workMs
    while (performance.now() < endsAt) {
      // The work of an answer.
    }
    response.writeHead(200, { 'content-length': 2 })
    response.end('ok')
  },
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`)
})
