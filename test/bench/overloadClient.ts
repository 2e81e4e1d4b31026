/**
 * Asks for pages, and for the page for people, over thousands of connections, again as soon as there is an
 * answer, whatever it says. It tells how long answers were waited for, and how long this process itself
 * kept them waiting: it shares the machine with the server.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { percentile, tell } from './measure.ts'

const [port = '', file = '', connections = '', people = '', seconds = ''] = process.argv.slice(2)
const paths = JSON.parse(readFileSync(file, 'utf8')) as string[]
const kinds = ['pages', 'pages refused', 'people', 'people refused', 'connecting'] as const
const waits = Object.fromEntries(kinds.map((kind) => [kind, [] as number[]]))
const lag = monitorEventLoopDelay({ resolution: 10 })
let errors = 0
let next = 0
let isOver = false

function run(isForPeople: boolean): void {
  const openedAt = performance.now()
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
  let sentAt = 0
  let part = ''
  const send = (): void => {
    const path = isForPeople ? '/' : (paths[next++ % paths.length] ?? '')
    sentAt = performance.now()
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  }
  socket.once('connect', () => {
    waits['connecting']?.push(performance.now() - openedAt)
    send()
  })
  socket.on('data', (data: Buffer) => {
    part += data.toString('latin1')
    const headEnd = part.indexOf('\r\n\r\n')
    const length = /^content-length: (\d+)/im.exec(part.slice(0, Math.max(0, headEnd)))?.[1]
    if (length === undefined || part.length < headEnd + 4 + Number(length)) {
      return
    }
    const status = part.slice(9, 12)
    part = ''
    errors += status === '200' || status === '429' ? 0 : 1
    const kind = `${isForPeople ? 'people' : 'pages'}${status === '429' ? ' refused' : ''}`
    waits[kind]?.push(performance.now() - sentAt)
    send()
  })
  socket.on('error', () => {
    errors += 1
  })
  socket.on('close', () => {
    errors += isOver ? 0 : 1
  })
}

lag.enable()
for (let index = 0; index < Number(connections); index += 1) {
  run(index < Number(people))
}
setTimeout(
  () => {
    isOver = true
    const rows = kinds.map((kind) => {
      const all = Float64Array.from(waits[kind] ?? [])
      const most = percentile(all, 1)
      return [
        kind,
        { count: all.length, p50: percentile(all, 0.5), p99: percentile(all, 0.99), most },
      ]
    })
    tell({ waits: Object.fromEntries(rows), errors, clientLagMs: lag.max / 1e6 })
    process.exit()
  },
  Number(seconds) * 1_000,
)
