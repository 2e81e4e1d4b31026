import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createPostgresDatabase } from '../../support/databases.ts'
import { OracleTape } from '../../support/oracleTape.ts'
import { runApp } from '../../support/runApp.ts'
import type { RunningApp } from '../../support/runApp.ts'
import { openTcpProxy } from '../../support/tcpProxy.ts'
import type { TcpProxy } from '../../support/tcpProxy.ts'
import { until } from '../../support/until.ts'
import { WriterAudit } from '../../support/writerAudit.ts'

/**
 * Two services with all roles on one database, each with a network of its own. One of them ingests
 * at a time, whatever happens to it, and the other one goes on where it was. The tests go on from
 * one another: what one service has lost the other one has taken over before.
 */

const TAKE_OVER_MS = 10_000
const STANDING_BY = 'another process has this role: standing by'

interface Service {
  readonly app: RunningApp
  readonly proxy: TcpProxy
}

describe('when the process that ingests', { timeout: 60_000 }, () => {
  const stack = new AsyncDisposableStack()
  let databaseUrl: string
  let tape: OracleTape
  let audit: WriterAudit
  let active: Service
  let standby: Service

  beforeAll(async () => {
    databaseUrl = stack.use(await createPostgresDatabase()).url
    audit = stack.use(await WriterAudit.open(databaseUrl))
    tape = stack.use(await OracleTape.open(20_261_101, 4_000))
    tape.send(1_000)
    const [one, other] = await Promise.all([start(), start()])
    const first = await until(() => [one, other].find(({ app }) => timesStoodBy(app) > 0))
    ;[active, standby] = first === one ? [other, one] : [one, other]
    await active.app.untilCommitted(tape.reachedUs)
  })

  afterAll(() => stack.disposeAsync())

  async function start(): Promise<Service> {
    const proxy = stack.use(await openTcpProxy(inject('postgresUrl')))
    const env = {
      FEEDGEN_DATABASE_URL: proxy.through(databaseUrl),
      FEEDGEN_JETSTREAM_URLS: tape.url,
    }
    const app = stack.use(await runApp({ env, feeds: tape.feeds }))
    return { app, proxy }
  }

  const timesStoodBy = (app: RunningApp): number =>
    app.logs.filter(({ event, reason }) => event === 'ingestWaits' && reason === STANDING_BY).length

  /** The stream goes on until the other one has written, which is the active one then; how long it took. */
  async function takeOver(how: string): Promise<number> {
    const startedAt = Date.now()
    const { length } = await audit.writers()
    const atMs = await until(async () => {
      tape.send(1)
      return await audit.firstWriteMs(length + 1)
    })
    const tookMs = atMs - startedAt
    console.log(`${how}: the other one has written ${(tookMs / 1000).toFixed(1)} s later`)
    ;[active, standby] = [standby, active]
    return tookMs
  }

  /** The one that has lost the role knows it, and serves what the other one stores. */
  async function expectStandby(times: number): Promise<void> {
    await until(() => {
      tape.send(1)
      return timesStoodBy(standby.app) > times
    })
    await expectWhole([active, standby])
  }

  async function expectWhole(services: readonly Service[]): Promise<void> {
    tape.send(100)
    for (const { app } of services) {
      await app.untilCommitted(tape.reachedUs)
      expect(await tape.difference(app)).toBeUndefined()
      expect(app.logs.filter(({ event }) => event === 'ingestDied')).toEqual([])
      expect((await app.health()).ingest).toMatchObject({ connected: true, problem: null })
    }
    // Who has lost the role does not write any more.
    const writers = await audit.writers()
    expect(new Set(writers).size).toBe(writers.length)
  }

  test('loses its connections, the other goes on', async () => {
    const times = timesStoodBy(active.app)
    const { proxy } = active
    const closed = proxy.close()
    expect(await takeOver('disconnected')).toBeLessThan(TAKE_OVER_MS)
    await closed
    await until(async () => (await standby.app.health()).ingest.problem)
    await proxy.open()
    await expectStandby(times)
  })

  test('is cut off from the database without a word, the other goes on', async () => {
    const times = timesStoodBy(active.app)
    const { proxy } = active
    proxy.stall()
    expect(await takeOver('cut off')).toBeLessThan(TAKE_OVER_MS)
    expect(timesStoodBy(standby.app)).toBe(times)
    // What it has sent meanwhile now reaches the server.
    proxy.resume()
    await expectStandby(times)
  })

  test('is frozen for longer than 10 s, the other goes on', async () => {
    const times = timesStoodBy(active.app)
    const { app } = active
    const frozenAt = performance.now()
    app.signal('SIGSTOP')
    try {
      expect(await takeOver('frozen')).toBeLessThan(TAKE_OVER_MS)
      await until(() => performance.now() - frozenAt > 10_500)
      expect(timesStoodBy(app)).toBe(times)
    } finally {
      app.signal('SIGCONT')
    }
    await expectStandby(times)
  })

  test('both are ready', async () => {
    tape.sendLast()
    await expectWhole([active, standby])
    for (const { app } of [active, standby]) {
      expect(await until(async () => (await app.get('/ready')).ok)).toBe(true)
    }
  })

  test('is told to stop, the other goes on at once', async () => {
    const stopped = active.app.stop()
    expect(await takeOver('told to stop')).toBeLessThan(3_000)
    expect(await stopped).toBe(0)
    await expectWhole([active])
  })

  test('is killed, another one goes on', async () => {
    standby = await start()
    await until(() => timesStoodBy(standby.app) > 0)
    const killed = active.app.stop('SIGKILL')
    expect(await takeOver('killed')).toBeLessThan(TAKE_OVER_MS)
    expect(await killed).toBeNull()
    await expectWhole([active])
  })
})
