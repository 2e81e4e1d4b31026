/**
 * Asks a server for pages over keep-alive connections, one request in flight on each; as fast as it
 * answers, or at a steady rate of all connections together. It shares the machine with the server, so
 * that every microsecond of it is missing there: it tells what it costs.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { cpuSeconds, percentile, tell } from './measure.ts'

const [port = '', file = '', connections = '', seconds = '', rate = ''] = process.argv.slice(2)
/** Between two requests of one connection. */
const pauseMs = rate === '' ? 0 : (1_000 * Number(connections)) / Number(rate)
const paths = JSON.parse(readFileSync(file, 'utf8')) as string[]
const requests = paths.map((path) =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: identity\r\n\r\n`),
)
/** How long the last good answer to each request was, with its head. */
const lengths = new Uint32Array(requests.length)

const MAX_SAMPLES = 2_000_000
const latencies = new Float64Array(MAX_SAMPLES)
/** All connections read into it, one after the other. */
const shared = Buffer.alloc(1 << 18)
/** The head of a good answer, after the version. */
const STATUS_AT = 'HTTP/1.1'.length
const OK = Buffer.from(' 200').readUInt32BE()
let count = 0
let errors = 0
let bytes = 0
let next = 0

function run(endsAt: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let asked = 0
    let sentAt = 0
    /** What has arrived of an answer that has come in parts. */
    let part = ''

    const send = (now: number): void => {
      if (now >= endsAt) {
        socket.destroy()
        resolve()
        return
      }
      sentAt = now
      asked = next
      next = asked + 1 === requests.length ? 0 : asked + 1
      socket.write(requests[asked] ?? '')
    }
    const take = (size: number, isGood: boolean): void => {
      const now = performance.now()
      errors += isGood ? 0 : 1
      bytes += size
      latencies[count % MAX_SAMPLES] = now - sentAt
      count += 1
      if (pauseMs === 0) {
        send(now)
      } else {
        // Late is late: what was to be sent meanwhile is not sent all at once.
        setTimeout(() => send(performance.now()), Math.max(0, sentAt + pauseMs - now))
      }
    }
    const read = (size: number): boolean => {
      // Nearly always a whole answer, as long as the one before: no need to look for its end. Had it
      // gone on, the rest would be taken for the next one, which is an error.
      if (part === '' && size === lengths[asked] && shared.readUInt32BE(STATUS_AT) === OK) {
        take(size, true)
        return true
      }
      part += shared.toString('latin1', 0, size)
      const length = answerLength(part)
      if (length !== undefined && part.length >= length) {
        const isGood = part.length === length && part.startsWith(' 200 ', STATUS_AT)
        lengths[asked] = isGood ? length : 0
        part = ''
        take(length, isGood)
      }
      return true
    }
    const socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: shared, callback: read },
    })
    socket.on('connect', () => {
      setTimeout(() => send(performance.now()), Math.random() * pauseMs)
    })
    socket.on('error', reject)
    socket.on('end', () => reject(new Error('the server has closed a connection')))
  })
}

/** Undefined while the head is not complete. */
function answerLength(answer: string): number | undefined {
  const headEnd = answer.indexOf('\r\n\r\n')
  if (headEnd === -1) {
    return undefined
  }
  const length = /^content-length: (\d+)/im.exec(answer.slice(0, headEnd))?.[1]
  return headEnd + 4 + Number(length ?? 0)
}

const before = cpuSeconds(process.cpuUsage())
const startedAt = performance.now()
const endsAt = startedAt + Number(seconds) * 1000
await Promise.all(Array.from({ length: Number(connections) }, () => run(endsAt)))
const elapsed = (performance.now() - startedAt) / 1000
const used = cpuSeconds(process.cpuUsage()) - before
const samples = latencies.subarray(0, Math.min(count, MAX_SAMPLES))
tell({
  perSecond: count / elapsed,
  p50: percentile(samples, 0.5),
  p99: percentile(samples, 0.99),
  errors,
  meanBytes: bytes / count,
  clientUs: (used / count) * 1e6,
})
