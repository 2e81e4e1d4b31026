import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { createPost } from '../support/events.ts'
import { runApp } from '../support/runApp.ts'
import { until } from '../support/until.ts'

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))
const CERTIFICATE = fixture('localhost-cert.pem')
const FEEDS = 'feeds: [{ rkey: art, name: Art, tags: [art] }]\n'

/** A Jetstream behind TLS, with a certificate for `localhost` that nobody trusts by itself. */
async function openSecureJetstream(frames: readonly string[]) {
  const server = createServer({
    key: readFileSync(fixture('localhost-key.pem')),
    cert: readFileSync(CERTIFICATE),
  })
  const sockets = new WebSocketServer({ server, path: '/subscribe' })
  sockets.on('connection', (socket) => {
    for (const frame of frames) {
      socket.send(frame)
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `wss://localhost:${(server.address() as AddressInfo).port}/subscribe`,
    [Symbol.dispose]: () => {
      for (const client of sockets.clients) {
        client.terminate()
      }
      server.close()
      server.closeAllConnections()
    },
  }
}

describe('a stream over TLS', () => {
  const timeUs = (Date.now() - 5_000) * 1000
  const event = createPost({ timeUs, tags: ['art'] })

  test('is read, frames of every size, when the certificate is trusted', async () => {
    const huge = `{"did":"${' '.repeat(9 * 2 ** 20)}"}`
    const last = createPost({ timeUs: timeUs + 1000, tags: ['art'] })
    const frames = [JSON.stringify(event), huge, JSON.stringify(last)]
    using jetstream = await openSecureJetstream(frames)
    await using app = await runApp({
      feeds: FEEDS,
      env: { FEEDGEN_JETSTREAM_URLS: jetstream.url, NODE_EXTRA_CA_CERTS: CERTIFICATE },
    })
    await app.untilCommitted(timeUs + 1000)
    expect(await app.walk('art')).toHaveLength(2)
    expect((await app.health()).ingest).toMatchObject({ connected: true, rejectedTotal: 1 })
  })

  test('is refused when the certificate is not trusted, and the log says why', async () => {
    using jetstream = await openSecureJetstream([JSON.stringify(event)])
    await using app = await runApp({
      feeds: FEEDS,
      env: { FEEDGEN_JETSTREAM_URLS: jetstream.url },
    })
    const line = await until(() => app.logs.find((log) => log.event === 'streamDisconnected'))
    expect(String(line['reason'])).toMatch(/certificate|self.signed/i)
    expect((await app.health()).ingest.connected).toBe(false)
  })
})
