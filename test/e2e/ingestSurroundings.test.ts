import { sql } from 'kysely'
import { describe, expect, test, vi } from 'vitest'
import type { Ingest } from '../../src/ingest/startIngest.ts'
import { createPost, did } from '../support/events.ts'
import { openIngestBench } from '../support/ingestBench.ts'
import type { IngestBench } from '../support/ingestBench.ts'
import { HOUR_US, MINUTE_US, Posts, nowUs, uriOf } from '../support/postSeries.ts'
import { LOCKED, engine, lockDatabase } from '../support/serviceDatabase.ts'
import { until } from '../support/until.ts'

/** What goes wrong around ingest, and that it costs no post. */

describe('ingest', () => {
  interface Bench extends IngestBench {
    readonly posts: Posts
    readonly ingest: Ingest
    failure: unknown
  }

  async function openBench(
    stack: AsyncDisposableStack,
    { retentionDays = 30, hosts = 1 } = {},
  ): Promise<Bench> {
    const bench = await openIngestBench(stack, hosts)
    const ingest = bench.start({ retentionDays })
    const posts = new Posts(bench.server)
    const own: Bench = Object.assign(bench, { ingest, posts, failure: undefined })
    ingest.done.catch((error: unknown) => (own.failure = error))
    return own
  }

  const untilStored = async ({ ingest, posts }: Bench): Promise<void> => {
    await until(() => (ingest.status().positionUs ?? 0) >= posts.lastUs, 10_000)
  }

  test('of a locked database goes on saying so when the stream connects again', async () => {
    await using stack = new AsyncDisposableStack()
    const bench = await openBench(stack)
    bench.posts.send(5)
    await untilStored(bench)
    const lock = stack.use(await lockDatabase(bench.url))
    bench.posts.send(5)
    await until(() => bench.ingest.status().problem?.match(LOCKED))
    await bench.server.disconnectAll({ abruptly: true })
    await bench.server.waitForConnection(2)
    await until(() => bench.logs.filter(({ event }) => event === 'streamConnected').length === 2)
    expect(bench.ingest.status().problem).toMatch(LOCKED)
    await lock.release()
    await untilStored(bench)
    expect(await bench.stored()).toEqual(bench.posts.uris)
    expect(bench.ingest.status().problem).toBeUndefined()
  })

  test('of a database that is locked while it prunes goes on', async () => {
    await using stack = new AsyncDisposableStack()
    const bench = await openBench(stack)
    bench.posts.send(5)
    await untilStored(bench)
    const lock = stack.use(await lockDatabase(bench.url))
    const startedAt = performance.now()
    // No frame comes: only the pruner wants the lock, at its next round.
    bench.wrongUs = 10 * MINUTE_US
    await until(() => bench.failure !== undefined || performance.now() - startedAt > 5_000)
    await lock.release()
    expect(bench.failure).toBeUndefined()
    // A change of state is told, not every attempt.
    expect(bench.logs.filter(({ level }) => level === 'warn').length).toBeLessThan(2)
    bench.posts.send(5)
    await untilStored(bench)
    expect(await bench.stored()).toEqual(bench.posts.uris)
  })

  test.runIf(engine === 'sqlite')(
    'of SQLite on a full disk waits, says so, and loses nothing',
    async () => {
      await using stack = new AsyncDisposableStack()
      const bench = await openBench(stack)
      bench.posts.send(5)
      await untilStored(bench)
      const limit = async (pages: number): Promise<void> => {
        await sql`pragma max_page_count = ${sql.lit(pages)}`.execute(bench.database.kysely)
      }
      // Never below what there is: the file cannot grow any more.
      await limit(1)
      bench.posts.send(3_000)
      await until(() => bench.ingest.status().problem?.includes('full'))
      await until(() => bench.logs.some(({ event }) => event === 'storeFails'))
      const [position] = [bench.ingest.status().positionUs]
      expect(position).toBeLessThan(bench.posts.lastUs)
      const held = await bench.stored()
      expect(bench.posts.uris.join(' ')).toContain(held.join(' '))
      bench.posts.send(5)
      await limit(1_000_000)
      await untilStored(bench)
      expect(await bench.stored()).toEqual(bench.posts.uris)
      expect(bench.logs.filter(({ event }) => event === 'storeFails')).toHaveLength(1)
      expect(bench.logs.filter(({ event }) => event === 'storeRecovered')).toHaveLength(1)
      expect(bench.failure).toBeUndefined()
      expect(bench.ingest.status().problem).toBeUndefined()
    },
  )

  test('whose clock is set back loses nothing and goes on pruning', async () => {
    await using stack = new AsyncDisposableStack()
    const bench = await openBench(stack, { retentionDays: 1 })
    bench.posts.send(5)
    await untilStored(bench)
    const positionUs = bench.ingest.status().positionUs
    bench.wrongUs = -6 * HOUR_US
    // For the clock all of these lie five hours ahead: kept, as of now, without moving the position.
    bench.posts.send(3)
    await until(() => bench.ingest.status().futureTotal === 3)
    await until(async () => (await bench.stored()).length === 8)
    expect(bench.ingest.status().positionUs).toBe(positionUs)
    // Older than what is kept: it comes, and goes with the next round of the pruner.
    const old = createPost({
      timeUs: nowUs() - 7 * HOUR_US,
      did: did(2),
      tags: ['old'],
      record: { createdAt: new Date(Date.now() - 40 * 3_600_000).toISOString() },
    })
    bench.server.append(old)
    await until(async () => (await bench.stored()).includes(uriOf(old)))
    let roundAt = -Infinity
    await until(async () => {
      // A round that has begun before the post came passes over it: the next one must not.
      if (performance.now() - roundAt > 6_000) {
        roundAt = performance.now()
        bench.wrongUs += 6 * MINUTE_US
      }
      return !(await bench.stored()).includes(uriOf(old))
    })
    bench.wrongUs = 0
    bench.posts.send(3)
    await untilStored(bench)
    expect(new Set(await bench.stored())).toEqual(new Set(bench.posts.uris))
    expect(bench.failure).toBeUndefined()
  })

  test('whose hosts are all down for an hour tries on, in one line, and comes back', async () => {
    await using stack = new AsyncDisposableStack()
    const bench = await openBench(stack, { hosts: 2 })
    bench.posts.send(5)
    await untilStored(bench)
    const { servers } = bench
    // Every wait takes its part of 1 to 30 s by chance: an hour of them, two thousand times as fast.
    let waits = 0
    vi.spyOn(Math, 'random').mockImplementation(() => {
      waits += 1
      return 0.000_5
    })
    stack.defer(() => {
      vi.restoreAllMocks()
    })
    const linesBefore = bench.logs.length
    await Promise.all(servers.map((server) => server.stopListening()))
    waits = 0
    await until(() => waits >= 240)
    const eventsSince = (): unknown[] => bench.logs.slice(linesBefore).map(({ event }) => event)
    expect(eventsSince()).toEqual(['streamDisconnected'])
    expect(bench.ingest.status().connected).toBe(false)
    expect(bench.ingest.status().problem).toMatch(/ECONNREFUSED/)
    bench.posts.send(5)
    await Promise.all(servers.map((server) => server.listenAgain()))
    await until(() => bench.ingest.status().connected)
    if (bench.server.connections.length === 1) {
      // The other host was first: it has nothing to say until this one is asked again.
      await servers[1]?.stopListening()
    }
    await untilStored(bench)
    expect(await bench.stored()).toEqual(bench.posts.uris)
    expect(bench.ingest.status().problem).toBeUndefined()
    expect(new Set(eventsSince().slice(1))).toContain('streamConnected')
  })
})
