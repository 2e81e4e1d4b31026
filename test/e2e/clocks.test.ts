import { describe, expect, test } from 'vitest'
import { loadPosition } from '../../src/status/loadPosition.ts'
import {
  DAY_US,
  HOUR_US,
  MINUTE_US,
  SECOND_US,
  logged,
  openStream,
  positionOf,
  post,
  untilStored,
} from '../support/clockBench.ts'
import { accountEvent, createPost, did, like, refTo } from '../support/events.ts'
import type { CommitEvent } from '../support/events.ts'
import { openIngestBench } from '../support/ingestBench.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import { lockDatabase } from '../support/serviceDatabase.ts'
import { until } from '../support/until.ts'

/** Clocks that are wrong, ours or anybody's: what must not come of it. */

test('what was posted before its account was deleted stays gone, though our clock is behind', async () => {
  await using stack = new AsyncDisposableStack()
  const bench = await openIngestBench(stack)
  bench.wrongUs = -30 * SECOND_US
  const startUs = bench.now()
  const who = did(900_001)
  bench.server.append(createPost({ timeUs: startUs - SECOND_US, did: who, tags: ['art'] }))
  // The very first connection is to the live tail: it begins after the post.
  const first = bench.start({ backfillHours: 0 })
  await bench.server.waitForConnection(1)
  await until(() => first.status().connected)
  const deleted = { timeUs: startUs, did: who, active: false, status: 'deleted' }
  bench.server.append(accountEvent(deleted), post(startUs + 1))
  await until(() => positionOf(first) >= startUs + 1)
  await bench.stop()
  // The second one goes back some seconds, and brings it for the first time.
  const second = bench.start({ backfillHours: 0 })
  await until(() => second.status().eventsTotal >= 3)
  bench.server.append(
    accountEvent({ timeUs: startUs + 2, did: who, active: true }),
    post(startUs + 3),
  )
  await until(async () => (await bench.stored()).length >= 2)
  expect((await bench.stored()).filter((uri) => uri.includes(who))).toEqual([])
})

test('what an account posts after a deletion whose time was ahead stays, though a replay begins between', async () => {
  await using stack = new AsyncDisposableStack()
  const bench = await openIngestBench(stack)
  const startUs = bench.now() - 10 * MINUTE_US
  const at = (seconds: number): number => startUs + seconds * SECOND_US
  const who = did(900_002)
  const deleted = accountEvent({ timeUs: at(37), did: who, active: false, status: 'deleted' })
  const restored = accountEvent({ timeUs: at(38), did: who, active: true })
  bench.server.append(createPost({ timeUs: at(-1), did: who, tags: ['art'] }))
  bench.server.append(...Array.from({ length: 10 }, (_, second) => post(at(second))))
  // Filed where it belongs, whatever it says.
  for (const event of [deleted, restored]) {
    bench.server.append({ timeUs: at(10), data: JSON.stringify(event), binary: false })
  }
  bench.server.append(...Array.from({ length: 16 }, (_, second) => post(at(10 + second))))
  const first = bench.start()
  await until(() => positionOf(first) >= at(25))
  await bench.stop()
  bench.server.append(createPost({ timeUs: at(30), did: who, tags: ['art'] }), post(at(31)))
  const second = bench.start()
  await until(() => positionOf(second) >= at(31))
  expect(bench.server.connections[1]?.cursor).toBeGreaterThan(at(10))
  expect((await bench.stored()).filter((uri) => uri.includes(who))).toHaveLength(1)
})

test('frames that wait for our clock are no more than a bounded part of the stream', async () => {
  await using stack = new AsyncDisposableStack()
  const bench = await openIngestBench(stack)
  bench.wrongUs = -2 * HOUR_US
  const startUs = bench.now()
  const padding = 'x'.repeat(1_000_000)
  for (let index = 0; index < 160; index += 1) {
    const event = post(startUs + index)
    const data = JSON.stringify({ ...event, padding })
    bench.server.append({ timeUs: event.time_us, data, binary: false })
  }
  bench.start()
  await until(() => logged(bench, 'clockWrong').length > 0, 10_000)
  const sent = (): number => bench.server.connections[0]?.framesSent ?? 0
  let [last, since] = [0, 0]
  await until(() => {
    if (sent() !== last) {
      ;[last, since] = [sent(), performance.now()]
    }
    return performance.now() - since > 2_500
  }, 20_000)
  // 32 MB that wait, as much in the buffer, what one read brings beyond each, and the sockets.
  expect(sent()).toBeLessThan(130)
}, 40_000)

describe.concurrent('our clock', () => {
  test('that is behind at the start dates nothing: frames wait until it is set', async ({
    expect,
  }) => {
    await using stack = new AsyncDisposableStack()
    const bench = await openIngestBench(stack)
    const startUs = bench.now()
    const posts = Array.from({ length: 21 }, (_, index) => post(startUs - index * 1_000))
    bench.wrongUs = -HOUR_US
    const ingest = bench.start()
    bench.server.append(...posts)
    await until(() => ingest.status().clockProblem)
    expect(ingest.status().clockProblem).toMatch(
      /our clock is wrong.*3[56]\d\d s ahead.*nothing is stored/,
    )
    expect(await bench.stored()).toEqual([])
    expect(ingest.status().positionUs).toBeUndefined()
    expect(logged(bench, 'clockWrong')).toHaveLength(1)
    bench.wrongUs = 0
    await untilStored(bench, posts)
    // Asked for again: what was asked for by a wrong clock may begin long before.
    const { cursor = 0 } = bench.server.connections.at(-1) ?? {}
    expect(Math.abs(cursor - (startUs - 2 * HOUR_US))).toBeLessThan(MINUTE_US)
    const rows = await bench.database.kysely.selectFrom('post').select('indexed_at').execute()
    expect(new Set(rows.map(({ indexed_at }) => indexed_at))).toEqual(
      new Set(posts.map(({ time_us }) => Math.floor(time_us / 1000) * 1000)),
    )
    await until(() => ingest.status().clockProblem === undefined)
    expect(logged(bench, 'clockRight')).toHaveLength(1)
  })

  test('is not judged by the first few events; what is ahead waits for one that is on time', async ({
    expect,
  }) => {
    await using stack = new AsyncDisposableStack()
    const bench = await openIngestBench(stack)
    const ingest = bench.start()
    const ahead = Array.from({ length: 3 }, () => post(bench.now() + 600 * SECOND_US))
    bench.server.append(...ahead)
    await bench.server.waitUntilSent()
    await until(() => ingest.status().connected)
    expect(await bench.stored()).toEqual([])
    const onTime = post(bench.now())
    bench.server.append(onTime)
    await untilStored(bench, [...ahead, onTime])
    expect(ingest.status()).toMatchObject({ futureTotal: 3 })
    await until(() => positionOf(ingest) === onTime.time_us)
  })

  test('is right when another host agrees with it: the one that is ahead is left', async ({
    expect,
  }) => {
    await using stack = new AsyncDisposableStack()
    const bench = await openIngestBench(stack, 2)
    const [fast, right] = bench.servers as [JetstreamServer, JetstreamServer]
    const startUs = bench.now()
    const events = Array.from({ length: 30 }, (_, index) => post(startUs - (30 - index) * 1_000))
    fast.append(...events.map((event) => ({ ...event, time_us: event.time_us + 600 * SECOND_US })))
    right.append(...events)
    const ingest = bench.start()
    await untilStored(bench, events)
    const rows = await bench.database.kysely.selectFrom('post').select('indexed_at').execute()
    expect(Math.max(...rows.map((row) => row.indexed_at))).toBeLessThanOrEqual(startUs)
    await until(() => ingest.status().clockProblem === undefined, 10_000)
    expect(ingest.status().host).toBe(new URL(right.url).host)
  })

  test('that is days ahead for a while removes nothing, and likes go on counting', async ({
    expect,
  }) => {
    await using stack = new AsyncDisposableStack()
    const { bench, posts } = await openStream(stack)
    const old = post(bench.now() - HOUR_US)
    bench.server.append(old)
    const count = async (): Promise<unknown> =>
      await bench.database.kysely.selectFrom('post_count').select('likes').executeTakeFirst()
    // A start that is four days ahead loads what it may count for.
    bench.wrongUs = 4 * DAY_US
    bench.start()
    await bench.server.waitForConnection()
    const live = post(bench.now())
    bench.server.append(live)
    // The host has taken what it was asked for for the future, and begins with what is live.
    await untilStored(bench, [...posts, old, live])
    await bench.stop()
    bench.start()
    await until(() => logged(bench, 'streamConnected').length === 3)
    bench.wrongUs = 0
    const liked = (name: number): CommitEvent =>
      like({ timeUs: bench.now(), did: did(name), subject: refTo(old) })
    bench.server.append(liked(900_001))
    await until(async () => ((await count()) as { likes: number } | undefined)?.likes === 1)
    // A running service goes by the stream, whatever its clock says.
    bench.wrongUs = 40 * DAY_US
    bench.server.append(liked(900_002))
    await until(async () => ((await count()) as { likes: number } | undefined)?.likes === 2)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(await bench.stored()).toHaveLength(14)
    const traces = bench.database.kysely
      .selectFrom('record_trace')
      .select('rkey')
      .where('fate', '=', 2)
    expect(await traces.execute()).toEqual([])
  })

  test('decides what an account is, when its frame is ahead', async ({ expect }) => {
    await using stack = new AsyncDisposableStack()
    const { bench, posts, tellAll } = await openStream(stack)
    const ingest = bench.start()
    await untilStored(bench, posts)
    const account = posts[0]?.did ?? ''
    const hide = accountEvent({
      ...{ timeUs: bench.now() + 50 * SECOND_US, did: account, active: false },
      status: 'deactivated',
    })
    tellAll([hide as unknown as CommitEvent])
    await until(async () => (await bench.stored()).length === 11)
    expect(ingest.status().connected).toBe(true)
  })
})

describe.concurrent('the lag', () => {
  test('is not that of the last event, told again by an idle reconnect', async ({ expect }) => {
    await using stack = new AsyncDisposableStack()
    const { bench, posts } = await openStream(stack)
    const ingest = bench.start({ idleMs: 1_000 })
    await untilStored(bench, posts)
    const lagMs = await until(() => ingest.status().lagMs)
    bench.passedUs += 10 * MINUTE_US
    await bench.server.waitForConnection(3)
    await until(() => ingest.status().eventsTotal > 12)
    expect(ingest.status().lagMs).toBeLessThanOrEqual(lagMs + 2_000)
    expect((await loadPosition(bench.database))?.lagMs).toBeLessThanOrEqual(lagMs + 2_000)
    await bench.stop()
    const again = bench.start()
    await until(() => again.status().lagMs !== undefined, 10_000)
    expect(again.status().lagMs).toBeLessThanOrEqual(lagMs + 2_000)
  })

  test('of a stream on which nothing comes is no delay, however old its last event is', async ({
    expect,
  }) => {
    await using stack = new AsyncDisposableStack()
    const bench = await openIngestBench(stack)
    bench.server.append(post(bench.now() - HOUR_US))
    const ingest = bench.start({ idleMs: 2_000 })
    await until(() => (ingest.status().lagMs ?? 0) > 3_000_000)
    await until(() => ingest.status().isSilent)
    const isLate = async () => ((await loadPosition(bench.database))?.lagMs ?? 1e9) >= 60_000
    await until(async () => !(await isLate()))
    expect(ingest.status().lagMs).toBeGreaterThan(3_000_000)
  })
})

test('frames that cannot be stored say since when they wait', async () => {
  await using stack = new AsyncDisposableStack()
  const { bench, posts, tellAll } = await openStream(stack)
  const ingest = bench.start()
  await untilStored(bench, posts)
  expect(ingest.status().waitingSinceUs).toBeUndefined()
  const lock = stack.use(await lockDatabase(bench.url))
  const next = post(bench.now())
  tellAll([next])
  const sinceUs = await until(() => ingest.status().waitingSinceUs)
  expect(Math.abs(sinceUs - bench.now())).toBeLessThan(5 * SECOND_US)
  await lock.release()
  await untilStored(bench, [next])
  await until(() => ingest.status().waitingSinceUs === undefined)
})
