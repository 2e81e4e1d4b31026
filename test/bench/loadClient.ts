/**
 * Asks a server for pages over keep-alive connections, one request in flight on each; as fast as it
 * answers, or at a steady rate of all connections together.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { percentile, tell } from './measure.ts'

const [port = '', file = '', connections = '', seconds = '', rate = ''] = process.argv.slice(2)
/** Between two requests of one connection. */
const pauseMs = rate === '' ? 0 : (1_000 * Number(connections)) / Number(rate)
const paths = JSON.parse(readFileSync(file, 'utf8')) as string[]
const requests = paths.map((path) =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: identity\r\n\r\n`),
)

const MAX_SAMPLES = 2_000_000
const latencies = new Float64Array(MAX_SAMPLES)
let count = 0
let errors = 0
let bytes = 0
let next = 0

const LENGTH = Buffer.from('content-length: ')
const END_OF_HEAD = Buffer.from('\r\n\r\n')

function run(endsAt: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
    let pending: Buffer = Buffer.alloc(0)
    let sentAt = 0
    const send = (): void => {
      sentAt = performance.now()
      if (sentAt >= endsAt) {
        socket.destroy()
        resolve()
        return
      }
      socket.write(requests[next] ?? '')
      next = (next + 1) % requests.length
    }
    socket.on('connect', () => setTimeout(send, Math.random() * pauseMs))
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      const headEnd = pending.indexOf(END_OF_HEAD)
      const lengthAt = headEnd === -1 ? -1 : pending.indexOf(LENGTH)
      if (lengthAt === -1 && headEnd === -1) {
        return
      }
      const length = contentLength(pending, headEnd)
      if (pending.length >= headEnd + 4 + length) {
        errors += pending[9] === 0x32 ? 0 : 1
        bytes += length
        latencies[count % MAX_SAMPLES] = performance.now() - sentAt
        count += 1
        pending = Buffer.alloc(0)
        if (pauseMs === 0) {
          send()
        } else {
          // Late is late: what was to be sent meanwhile is not sent all at once.
          setTimeout(send, Math.max(0, sentAt + pauseMs - performance.now()))
        }
      }
    })
  })
}

function contentLength(head: Buffer, end: number): number {
  const text = head.toString('latin1', 0, end).toLowerCase()
  return Number(/content-length: (\d+)/.exec(text)?.[1] ?? 0)
}

const startedAt = performance.now()
const endsAt = startedAt + Number(seconds) * 1000
await Promise.all(Array.from({ length: Number(connections) }, () => run(endsAt)))
const elapsed = (performance.now() - startedAt) / 1000
const samples = latencies.subarray(0, Math.min(count, MAX_SAMPLES))
tell({
  perSecond: count / elapsed,
  p50: percentile(samples, 0.5),
  p99: percentile(samples, 0.99),
  errors,
  meanBytes: bytes / count,
})
