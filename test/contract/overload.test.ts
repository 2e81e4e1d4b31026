import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { startProgram } from '../bench/measure.ts'

interface Waits {
  readonly served: number[]
  readonly refused: number[]
}

/** Clients that ask again as soon as they have an answer, whatever it says. */
class Clients implements Disposable {
  readonly #sockets: Socket[] = []
  /** The different texts with which they are turned away. */
  readonly refusals = new Set<string>()
  waits: Waits = { served: [], refused: [] }

  constructor(port: number, path: string, count: number) {
    for (let index = 0; index < count; index += 1) {
      this.#open(port, path)
    }
  }

  /** Begins to measure anew; returns what was measured so far. */
  restart(): Waits {
    const { waits } = this
    this.waits = { served: [], refused: [] }
    return waits
  }

  [Symbol.dispose](): void {
    this.#sockets.forEach((socket) => socket.destroy())
  }

  #open(port: number, path: string): void {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let sentAt = 0
    const send = (): void => {
      sentAt = performance.now()
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    }
    socket.once('connect', send)
    socket.on('data', (data: Buffer) => {
      const isServed = data.toString('latin1', 9, 12) === '200'
      const waits = isServed ? this.waits.served : this.waits.refused
      waits.push(performance.now() - sentAt)
      if (!isServed) {
        this.refusals.add(data.toString('latin1').replace(/date: .*/i, ''))
      }
      send()
    })
    socket.on('error', () => {})
    this.#sockets.push(socket)
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

// Times are those of a machine that may have other work: a second try tells the two apart.
describe('a service of which more is asked than it can answer', { retry: 2 }, () => {
  test('serves readers within two seconds or turns them away, and pages for people not at all', async () => {
    await using server = startProgram('../support/busyServer.ts', ['4'])
    const { port } = await server.next<{ port: number }>()
    // Twice as many as can be answered in a second.
    using readers = new Clients(port, '/xrpc/x', 500)
    using people = new Clients(port, '/', 100)
    await pause(2_500)
    // All of them have been heard: what comes now is of a service that knows its load.
    const { served: early } = readers.restart()
    people.restart()
    await pause(2_500)
    const { served, refused } = readers.waits
    expect(served.length).toBeGreaterThan(20)
    expect(refused.length).toBeGreaterThan(50)
    expect(Math.max(...early, ...served)).toBeLessThan(2_000)
    expect(median(refused)).toBeLessThan(1_000)
    expect([...readers.refusals]).toEqual([
      expect.stringMatching(/^HTTP\/1.1 429 .*retry-after: \d+.*"RateLimitExceeded"/is),
    ])
    expect(people.waits.served.length).toBeLessThan(served.length / 10)
    expect(people.waits.refused.length).toBeGreaterThan(20)
  })

  test('keeps no reader waiting for 300 clients of a page for people', async () => {
    await using server = startProgram('../support/busyServer.ts', ['2'])
    const { port } = await server.next<{ port: number }>()
    using _people = new Clients(port, '/', 300)
    await pause(500)
    using reader = new Clients(port, '/xrpc/x', 1)
    await pause(1_500)
    expect(reader.waits.refused).toEqual([])
    expect(reader.waits.served.length).toBeGreaterThan(3)
    expect(median(reader.waits.served)).toBeLessThan(100)
  })
})
