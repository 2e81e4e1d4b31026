import { describe, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import { openLocalServer } from '../support/localServer.ts'
import type { RunningApp } from '../support/runApp.ts'
import { SECOND_US, hostOf, openClock, post, runReader, uriOf } from '../support/streamReader.ts'
import { until } from '../support/until.ts'

/** What the hosts of the stream and the network do wrong, and what must not come of it. */

const untilConnected = (app: RunningApp, isConnected = true): Promise<unknown> =>
  until(async () => (await app.health()).ingest.connected === isConnected)

describe.concurrent('a host', () => {
  test('that drops every connection after some frames loses nothing', async ({ expect }) => {
    const clock = openClock()
    await using jetstream = await openJetstreamServer()
    const posts = Array.from({ length: 80 }, () => post(clock))
    jetstream.appendAll(posts)
    jetstream.dropAfter(25)
    await using app = await runReader(jetstream)
    await app.untilCommitted(clock.now())
    expect(await app.walk('art')).toEqual(posts.map((event) => uriOf(event)).toReversed())
    expect(jetstream.connections.length).toBeGreaterThanOrEqual(4)
    expect(new Set(jetstream.connections.slice(0, -1).map(({ closed }) => closed?.code))).toEqual(
      new Set([1006]),
    )
  })

  test('that answers HTTP 503 or 400 is asked again until it accepts', async ({ expect }) => {
    const clock = openClock()
    await using jetstream = await openJetstreamServer()
    const [first, second] = [post(clock), post(clock)]
    jetstream.append(first)
    jetstream.refuse(503)
    await using app = await runReader(jetstream)
    await jetstream.waitUntil(() => jetstream.refusals.length >= 2)
    expect(await app.walk('art')).toEqual([])
    expect((await app.health()).ingest).toMatchObject({ connected: false, positionUs: null })
    jetstream.accept()
    await app.untilCommitted(first.time_us)
    expect((await app.health()).ingest).toMatchObject({ connected: true, reconnectsTotal: 0 })
    jetstream.refuse(400)
    await jetstream.disconnectAll({ code: 1011 })
    jetstream.append(second)
    await jetstream.waitUntil(() => jetstream.refusals.length >= 3)
    await untilConnected(app, false)
    jetstream.accept()
    await app.untilCommitted(second.time_us)
    expect(await app.walk('art')).toEqual([second, first].map((event) => uriOf(event)))
    expect((await app.health()).ingest).toMatchObject({ connected: true, reconnectsTotal: 1 })
  })

  // As a proxy answers, which keeps its connections; a refusal of Jetstream's own closes them.
  test.for([200, 301, 400, 502, 503])(
    'behind a proxy that answers HTTP %i is left for the next one',
    async (status, { expect }) => {
      const clock = openClock()
      let asked = 0
      await using proxy = await openLocalServer((_request, response) => {
        asked += 1
        response.writeHead(status, { location: 'http://127.0.0.1:9/' })
        // In chunks, as what is made on the way comes.
        response.write('not ')
        response.end('now')
      })
      await using lively = await openJetstreamServer()
      lively.append(post(clock))
      const urls = `ws://127.0.0.1:${proxy.port}/subscribe,${lively.url}`
      await using app = await runReader(lively, { FEEDGEN_JETSTREAM_URLS: urls })
      await app.untilCommitted(clock.now())
      expect(asked).toBe(1)
      expect((await app.health()).ingest).toMatchObject({ connected: true, reconnectsTotal: 0 })
      expect(app.logs.filter(({ event }) => event === 'ingestDied')).toEqual([])
    },
  )

  test('that accepts and stays silent is left for the next one', async ({ expect }) => {
    const clock = openClock()
    await using silent = await openJetstreamServer()
    await using lively = await openJetstreamServer()
    silent.stall()
    for (const server of [silent, lively]) {
      server.append(post(clock))
    }
    await using app = await runReader([silent, lively], { FEEDGEN_JETSTREAM_IDLE_SECONDS: '1' })
    await app.untilCommitted(clock.now())
    expect((await app.health()).ingest.host).toBe(hostOf(lively))
    expect(silent.connections).toHaveLength(1)
    expect(silent.connections[0]?.closed).toBeDefined()
  })

  test('that falls silent after frames is left for the next one', async ({ expect }) => {
    const clock = openClock()
    await using first = await openJetstreamServer()
    await using second = await openJetstreamServer()
    const posts = [post(clock), post(clock)]
    first.append(...posts)
    await using app = await runReader([first, second], { FEEDGEN_JETSTREAM_IDLE_SECONDS: '1' })
    await app.untilCommitted(clock.now())
    const committed = clock.now()
    first.stall()
    const missed = post(clock)
    second.append(...posts, missed)
    await app.untilCommitted(clock.now())
    // Connected to again, the silent host would replay its last frames and look alive.
    expect(first.connections).toHaveLength(1)
    expect(second.connections[0]?.cursor).toBeLessThanOrEqual(committed - 10 * SECOND_US)
    expect(await app.walk('art')).toEqual([...posts, missed].map((e) => uriOf(e)).toReversed())
  })

  test('that is down is replaced by the next one, from before the position', async ({ expect }) => {
    const clock = openClock()
    await using first = await openJetstreamServer()
    await using second = await openJetstreamServer()
    const seen = post(clock)
    first.append(seen)
    await using app = await runReader([first, second])
    await app.untilCommitted(seen.time_us)
    const missed = post(clock)
    second.append(seen, missed)
    await first.stopListening()
    await app.untilCommitted(missed.time_us)
    expect((await app.health()).ingest).toMatchObject({ connected: true, host: hostOf(second) })
    const { cursor } = await second.waitForConnection()
    expect(cursor).toBeLessThanOrEqual(seen.time_us - 10 * SECOND_US)
    expect(await app.walk('art')).toEqual([missed, seen].map((event) => uriOf(event)))
  })

  test('that is down from the start is replaced by the next one', async ({ expect }) => {
    const clock = openClock()
    await using first = await openJetstreamServer()
    await using second = await openJetstreamServer()
    await first.stopListening()
    second.append(post(clock))
    await using app = await runReader([first, second])
    await app.untilCommitted(clock.now())
    expect((await app.health()).ingest.host).toBe(hostOf(second))
    await first.listenAgain()
  })
})

describe.concurrent('without any host', () => {
  test('stored posts are served, a change is one line in the log, and it recovers by itself', async ({
    expect,
  }) => {
    const clock = openClock()
    await using servers = new AsyncDisposableStack()
    const hosts: JetstreamServer[] = []
    for (let count = 0; count < 6; count += 1) {
      hosts.push(servers.use(await openJetstreamServer()))
    }
    const [main] = hosts as [JetstreamServer]
    const stored = post(clock)
    main.append(stored)
    await using app = await runReader(hosts)
    await app.untilCommitted(stored.time_us)
    await untilConnected(app)
    const lines = () => app.logs.filter(({ level }) => ['info', 'warn', 'error'].includes(level))
    const before = lines().length
    for (const host of hosts) {
      host.refuse(503)
    }
    await main.disconnectAll({ code: 1001 })
    const attempts = () => hosts.reduce((sum, { refusals }) => sum + refusals.length, 0)
    await until(() => attempts() >= 7)
    const { ingest } = await app.health()
    expect(ingest).toMatchObject({ connected: false, positionUs: stored.time_us })
    expect(await app.walk('art')).toEqual([uriOf(stored)])
    expect(lines().slice(before)).toHaveLength(1)
    const missed = post(clock)
    for (const host of hosts) {
      host.append(missed)
      host.accept()
    }
    await app.untilCommitted(missed.time_us)
    expect(await app.walk('art')).toEqual([missed, stored].map((event) => uriOf(event)))
    expect((await app.health()).ingest.connected).toBe(true)
    expect(lines().slice(before)).toHaveLength(2)
  })

  test('the service starts, serves what it has, says that it is not ready, and retries', async ({
    expect,
  }) => {
    const clock = openClock()
    using folder = temporaryFolder()
    await using jetstream = await openJetstreamServer()
    const [stored, missed] = [post(clock), post(clock)]
    jetstream.append(stored)
    {
      await using app = await runReader(jetstream, {}, { folder: folder.path })
      await app.untilCommitted(stored.time_us)
    }
    await jetstream.stopListening()
    const urls = `ws://does-not-exist.invalid/subscribe,ws://127.0.0.1:1/subscribe,${jetstream.url}`
    const env = { FEEDGEN_JETSTREAM_URLS: urls }
    await using app = await runReader([], env, { folder: folder.path })
    expect(await app.walk('art')).toEqual([uriOf(stored)])
    await until(async () => (await app.health()).ingest.positionUs === stored.time_us)
    expect((await app.health()).ingest.connected).toBe(false)
    expect((await app.get('/ready')).status).toBe(503)
    jetstream.append(missed)
    await jetstream.listenAgain()
    await app.untilCommitted(missed.time_us)
    expect(await app.walk('art')).toEqual([missed, stored].map((event) => uriOf(event)))
    expect(await app.stop()).toBe(0)
  })
})
