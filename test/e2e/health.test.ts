import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createPost } from '../support/events.ts'
import { ago, feeds, send } from '../support/httpBench.ts'
import { faults, openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { until } from '../support/until.ts'

/** Nobody listens there. */
const NOWHERE = 'ws://127.0.0.1:9/subscribe'

describe('_health', () => {
  test('tells the state of ingest, from before the first event on', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await until(async () => (await app.health()).ingest.connected)
    const before = await app.health()
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    expect(before.version).toBe((JSON.parse(manifest) as { version: string }).version)
    expect(before.ingest).toMatchObject({
      ...{ connected: true, positionUs: null, lagMs: null },
      ...{ eventsTotal: 0, rejectedTotal: 0, reconnectsTotal: 0 },
      host: expect.stringContaining(new URL(jetstream.url).host) as unknown,
    })
    const timeUs = ago(5)
    jetstream.append(createPost({ timeUs, tags: ['art'] }), faults.malformedJson(timeUs))
    await app.untilCommitted(timeUs)
    const after = await until(async () => {
      const { ingest } = await app.health()
      return ingest.rejectedTotal === 1 && ingest
    })
    expect(after).toMatchObject({ connected: true, positionUs: timeUs })
    expect(after.eventsTotal).toBeGreaterThanOrEqual(1)
    expect(after.lagMs).toBeGreaterThanOrEqual(5_000)
    expect(after.lagMs).toBeLessThan(5_000 + 10_000)
  })

  test('counts re-connections, and answers 200 while there is no stream', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    const timeUs = ago(2)
    await jetstream.waitForConnection()
    jetstream.append(createPost({ timeUs, tags: ['art'] }))
    await app.untilCommitted(timeUs)
    await jetstream.stopListening()
    await until(async () => !(await app.health()).ingest.connected)
    expect((await app.get('/xrpc/_health')).status).toBe(200)
    expect((await app.health()).ingest).toMatchObject({ connected: false, positionUs: timeUs })
    await jetstream.listenAgain()
    await until(async () => (await app.health()).ingest.connected)
    expect((await app.health()).ingest.reconnectsTotal).toBeGreaterThanOrEqual(1)
  })

  test('has the committed position from the start when there is one already', async () => {
    await using jetstream = await openJetstreamServer()
    const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url }
    await using app = await runApp({ feeds, env })
    const timeUs = ago(2)
    await jetstream.waitForConnection()
    jetstream.append(createPost({ timeUs, tags: ['art'] }))
    await app.untilCommitted(timeUs)
    expect(await app.stop()).toBe(0)
    const unreachable = { FEEDGEN_JETSTREAM_URLS: NOWHERE }
    await using again = await runApp({ feeds, folder: app.folder, env: unreachable })
    await again.untilCommitted(timeUs)
    expect((await again.health()).ingest).toMatchObject({ connected: false, positionUs: timeUs })
  })
})

describe('/ready', () => {
  const isReady = async (app: RunningApp): Promise<boolean> => (await app.get('/ready')).ok

  test('says no until a fresh event is committed, and no again while the last one is old', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await until(async () => (await app.health()).ingest.connected)
    const before = await send(app, '/ready')
    expect(before.status).toBe(503)
    expect(before.text).toMatch(/event|stream|lag/i)
    for (const [secondsAgo, ready] of [
      [90, false],
      [61, false],
      [5, true],
      [0, true],
    ] as const) {
      const timeUs = ago(secondsAgo)
      jetstream.append(createPost({ timeUs, tags: ['art'] }))
      await app.untilCommitted(timeUs)
      expect([secondsAgo, await isReady(app)]).toEqual([secondsAgo, ready])
    }
  })

  test('names how far behind the stream is', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await jetstream.waitForConnection()
    const timeUs = ago(600)
    jetstream.append(createPost({ timeUs, tags: ['art'] }))
    await app.untilCommitted(timeUs)
    const { status, text } = await send(app, '/ready')
    expect(status).toBe(503)
    expect(text).toMatch(/behind|lag/i)
    expect(text).toMatch(/60\d/)
  })

  test('says no when the stream cannot be reached, and names the reason', async () => {
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: NOWHERE } })
    const answer = await until(async () => {
      const found = await send(app, '/ready')
      return /connect/i.test(found.text) && found
    })
    expect(answer.status).toBe(503)
  })

  test('still says yes right after the stream is gone', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await jetstream.waitForConnection()
    const timeUs = ago(1)
    jetstream.append(createPost({ timeUs, tags: ['art'] }))
    await app.untilCommitted(timeUs)
    expect(await isReady(app)).toBe(true)
    await jetstream.stopListening()
    await until(async () => !(await app.health()).ingest.connected)
    expect(await isReady(app)).toBe(true)
  })
})
