import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { openReader } from '../../src/db/openDatabase.ts'
import { temporaryFolder } from '../support/databases.ts'
import { createPost, did } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunOptions, RunningApp } from '../support/runApp.ts'
import { serviceDatabaseUrl } from '../support/serviceDatabase.ts'
import { NOWHERE, SERVING, feeds, spawnIn, uriOf } from '../support/startService.ts'
import { until } from '../support/until.ts'

const STOP_MS = 10_000

/** Ends it as an operator would, with nothing on the way. */
async function stopInTime(app: RunningApp, signal?: NodeJS.Signals): Promise<object> {
  const startedAt = performance.now()
  const code = await app.stop(signal)
  return { code, isInTime: performance.now() - startedAt < STOP_MS }
}

const inTime = { code: 0, isInTime: true }

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('ends an idle service with code 0', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await jetstream.waitForConnection()
    expect(await stopInTime(app, signal)).toEqual(inTime)
    await jetstream.waitUntil(() => jetstream.connections[0]?.closed !== undefined)
  })

  test('ends a service that is still starting', async () => {
    using folder = temporaryFolder()
    const child = await spawnIn(folder.path)
    createInterface({ input: child.stdout }).once('line', () => child.kill(signal))
    const ended = await new Promise((resolve) => {
      child.once('exit', (code, by) => resolve({ code, by }))
    })
    expect(ended).toEqual({ code: 0, by: null })
  })

  test('commits what was read, and the next start goes on from there', async () => {
    await using jetstream = await openJetstreamServer()
    using folder = temporaryFolder()
    const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url, FEEDGEN_PUBLISHER_DID: did(900) }
    const options: RunOptions = { feeds, folder: folder.path, env }
    const startUs = (Date.now() - 600_000) * 1000
    // More than can be read at once, most of which leaves no row.
    const all = Array.from({ length: 40_000 }, (_, n) => {
      const tags = n % 16 === 0 ? ['art'] : []
      return createPost({ timeUs: startUs + n * 1000, did: did(1 + (n % 50)), tags })
    })
    const tagged = all.filter((_, n) => n % 16 === 0)
    const lastUs = startUs + (all.length - 1) * 1000
    await using app = await runApp(options)
    await jetstream.waitForConnection()
    jetstream.appendAll(all)
    const { eventsTotal } = (await until(async () => {
      const { ingest } = await app.health()
      return ingest.eventsTotal > 0 && ingest.positionUs !== null && ingest
    })) as { eventsTotal: number }
    expect(await stopInTime(app, signal)).toEqual(inTime)
    expect(app.logs.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])

    const positionUs = await readPosition(folder.path)
    // What the service said it had read is committed, and nothing is said to be that is not.
    expect(positionUs).toBeGreaterThanOrEqual(startUs + (eventsTotal - 1) * 1000)
    const covered = tagged.filter(({ time_us }) => time_us <= positionUs).map(uriOf)
    const serving = { ...options, env: { ...env, FEEDGEN_ROLES: 'serve' } }
    {
      await using server = await runApp(serving)
      const stored = await server.walk('art')
      expect(new Set(stored).size).toBe(stored.length)
      expect(covered.filter((uri) => !new Set(stored).has(uri))).toEqual([])
    }
    await using again = await runApp(options)
    await again.untilCommitted(lastUs)
    expect(await again.walk('art')).toEqual(tagged.map(uriOf).toReversed())
    expect(jetstream.connections.at(-1)?.cursor).toBeLessThanOrEqual(positionUs)
  })
})

describe('a signal', () => {
  test('ends a service that has only just begun to listen', async () => {
    for (let round = 0; round < 3; round += 1) {
      await using app = await runApp({ feeds, env: SERVING })
      expect(await stopInTime(app)).toEqual(inTime)
    }
  })

  test('ends a service that cannot reach the stream, or whose stream is silent', async () => {
    await using jetstream = await openJetstreamServer()
    await using lost = await runApp({ feeds, env: NOWHERE })
    await using silent = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    jetstream.stall()
    await jetstream.waitForConnection()
    expect(await stopInTime(lost)).toEqual(inTime)
    expect(await stopInTime(silent)).toEqual(inTime)
  })

  test('ends a service while the handshake with the stream hangs', async () => {
    await using server = createServer().listen(0, '127.0.0.1')
    let isConnected = false
    server.on('connection', (socket) => {
      isConnected = true
      socket.on('error', () => socket.destroy()).resume()
    })
    await until(() => server.listening)
    const { port } = server.address() as AddressInfo
    const url = `ws://127.0.0.1:${port}/subscribe`
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: url } })
    await until(() => isConnected)
    expect(await stopInTime(app)).toEqual(inTime)
  })

  test('ends a service to which clients hold connections and half a request', async () => {
    await using stack = new AsyncDisposableStack()
    await using app = await runApp({ feeds, env: NOWHERE })
    const { hostname, port } = new URL(app.url)
    for (const text of ['', 'GET / HTTP/1.1\r\nHost: x\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n']) {
      const socket = connect(Number(port), hostname)
      stack.defer(() => void socket.destroy())
      socket.on('error', () => socket.destroy())
      await new Promise((resolve) => socket.write(text === '' ? '\r\n' : text, resolve))
    }
    expect(await stopInTime(app)).toEqual(inTime)
  })
})

async function readPosition(folder: string): Promise<number> {
  await using database = await openReader(await serviceDatabaseUrl(folder))
  const query = database.kysely.selectFrom('ingest_position').select('time_us')
  return (await query.executeTakeFirstOrThrow()).time_us
}
