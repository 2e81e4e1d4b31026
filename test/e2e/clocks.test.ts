import { describe, expect, test } from 'vitest'
import type { Ingest } from '../../src/ingest/startIngest.ts'
import { loadPosition } from '../../src/status/loadPosition.ts'
import { accountEvent, createPost, did, like, refTo, tid } from '../support/events.ts'
import type { CommitEvent } from '../support/events.ts'
import { openIngestBench } from '../support/ingestBench.ts'
import type { IngestBench } from '../support/ingestBench.ts'
import type { Frame, JetstreamServer } from '../support/jetstreamServer.ts'
import { lockDatabase } from '../support/serviceDatabase.ts'
import { until } from '../support/until.ts'

/** Clocks that are wrong, ours or anybody's, and a stream that has forgotten: what must not come of it. */

const SECOND_US = 1_000_000
const MINUTE_US = 60 * SECOND_US
const HOUR_US = 60 * MINUTE_US
const DAY_US = 24 * HOUR_US

const uriOf = ({ did: author, commit }: CommitEvent): string =>
  `at://${author}/app.bsky.feed.post/${commit.rkey}`

let keys = 0
/** A post as a host tells of it whose clock is ahead of what is right; each of another account. */
function post(timeUs: number): CommitEvent {
  keys += 1
  const key = tid(1_700_000_000_000_000 + keys)
  return createPost({ timeUs, did: did(keys), rkey: key, rev: key, tags: ['art'] })
}

/** One that is filed where it belongs, whatever it says. */
const strayOf = (event: CommitEvent, aheadUs: number, isGood: boolean): Frame => {
  const told = { ...event, time_us: event.time_us + aheadUs, ...(!isGood && { did: 'x' }) }
  return { timeUs: event.time_us, data: JSON.stringify(told), binary: false }
}

const positionOf = (ingest: Ingest): number => ingest.status().positionUs ?? 0
const logged = ({ logs }: IngestBench, name: string) => logs.filter(({ event }) => event === name)

async function untilStored(bench: IngestBench, events: readonly CommitEvent[]): Promise<void> {
  await until(async () => {
    const stored = new Set(await bench.stored())
    return events.every((event) => stored.has(uriOf(event)))
  }, 10_000)
}

/** So many posts of the last seconds, then nothing. */
async function openStream(stack: AsyncDisposableStack, hosts = 1) {
  const bench = await openIngestBench(stack, hosts)
  const startUs = bench.now()
  const posts = Array.from({ length: 12 }, (_, index) => post(startUs - (12 - index) * SECOND_US))
  const tellAll = (events: readonly CommitEvent[]): void =>
    bench.servers.forEach((server) => server.append(...events))
  tellAll(posts)
  return { bench, posts, startUs, tellAll }
}

describe.concurrent('an outage loses nothing', () => {
  const strays: [name: string, isGood: boolean][] = [
    ['a good frame', true],
    ['a malformed frame', false],
  ]
  test.for(strays)('after %s 50 s ahead of our clock', async ([, isGood], { expect }) => {
    await using stack = new AsyncDisposableStack()
    const { bench, posts, startUs } = await openStream(stack)
    const ingest = bench.start()
    await untilStored(bench, posts)
    bench.server.append(strayOf(post(bench.now()), 50 * SECOND_US, isGood))
    await until(() => ingest.status().eventsTotal >= 13)
    await until(() => !isGood || positionOf(ingest) > startUs + 45 * SECOND_US)
    await bench.server.stopListening()
    bench.passedUs += 25 * SECOND_US
    const missed = Array.from({ length: 12 }, (_, index) => post(startUs + (index + 1) * 1_900_000))
    bench.server.append(...missed)
    await bench.server.listenAgain()
    await untilStored(bench, missed)
    expect(await bench.stored()).toHaveLength(isGood ? 25 : 24)
  })

  test.for(strays)(
    'after %s as of now in a backlog of six hours, and a pause',
    async ([, isGood], { expect }) => {
      await using stack = new AsyncDisposableStack()
      const bench = await openIngestBench(stack)
      const startUs = bench.now() - 6 * HOUR_US
      const first = Array.from({ length: 12 }, (_, index) => post(startUs + index * SECOND_US))
      const stray = post(startUs + 12 * SECOND_US)
      bench.server.append(...first, strayOf(stray, 6 * HOUR_US - 20 * SECOND_US, isGood))
      const ingest = bench.start({ backfillHours: 7 })
      await until(() => positionOf(ingest) > startUs + 5 * HOUR_US)
      // A second one a second later is no stream either.
      const second = strayOf(post(startUs + 13 * SECOND_US), 6 * HOUR_US - 20 * SECOND_US, isGood)
      bench.server.append(second)
      await until(() => ingest.status().eventsTotal >= 14)
      await bench.server.stopListening()
      const missed = Array.from({ length: 12 }, (_, index) =>
        post(startUs + (index + 1) * MINUTE_US),
      )
      bench.server.append(...missed)
      await bench.server.listenAgain()
      await untilStored(bench, missed)
      expect(await bench.stored()).toHaveLength(isGood ? 26 : 24)
    },
  )

  test('after two frames that are ahead, and the end of the connection', async ({ expect }) => {
    await using stack = new AsyncDisposableStack()
    const bench = await openIngestBench(stack)
    const startUs = bench.now() - HOUR_US
    const first = Array.from({ length: 12 }, (_, index) => post(startUs + index * SECOND_US))
    bench.server.append(...first)
    const ingest = bench.start()
    await until(() => positionOf(ingest) >= startUs + 11 * SECOND_US)
    const strays = [12, 13].map((seconds) => post(startUs + seconds * SECOND_US))
    bench.server.append(...strays.map((event) => strayOf(event, 80 * SECOND_US, true)))
    await bench.server.waitUntilSent()
    await bench.server.stopListening()
    await until(() => positionOf(ingest) >= startUs + 90 * SECOND_US)
    const missed = Array.from({ length: 12 }, (_, index) =>
      post(startUs + (14 + 5 * index) * SECOND_US),
    )
    bench.server.append(...missed)
    await bench.server.listenAgain()
    await untilStored(bench, missed)
    expect(await bench.stored()).toHaveLength(26)
  })

  test('after a first host whose clock is 30 s fast', async ({ expect }) => {
    await using stack = new AsyncDisposableStack()
    const bench = await openIngestBench(stack, 2)
    const [fast, right] = bench.servers as [JetstreamServer, JetstreamServer]
    const startUs = bench.now()
    const events: CommitEvent[] = []
    const tell = (timeUs: number): void => {
      const event = post(timeUs)
      events.push(event)
      fast.append({ ...event, time_us: timeUs + 30 * SECOND_US })
      right.append(event)
    }
    for (let index = 20; index > 0; index -= 1) {
      tell(startUs - index * SECOND_US)
    }
    const ingest = bench.start()
    await untilStored(bench, events)
    await until(() => positionOf(ingest) > startUs + 25 * SECOND_US)
    await fast.stopListening()
    await right.waitForConnection()
    bench.passedUs += 5 * SECOND_US
    tell(startUs + 4 * SECOND_US)
    await untilStored(bench, events)
    await right.stopListening()
    bench.passedUs += 20 * SECOND_US
    for (let index = 5; index < 17; index += 1) {
      tell(startUs + index * 1_500_000)
    }
    await right.listenAgain()
    await untilStored(bench, events)
    expect(await bench.stored()).toHaveLength(events.length)
  })

  test('of frames that come late, while the position stands still, over a restart', async ({
    expect,
  }) => {
    await using stack = new AsyncDisposableStack()
    const { bench, posts, startUs } = await openStream(stack)
    const ingest = bench.start()
    await untilStored(bench, posts)
    await until(() => positionOf(ingest) >= (posts.at(-1)?.time_us ?? 0))
    const late = [40, 41, 42].map((seconds) => post(startUs - seconds * SECOND_US))
    bench.server.append(...late)
    await untilStored(bench, late)
    await bench.stop()
    const more = post(startUs - 43 * SECOND_US)
    // A server finds its place by the times, as its log has them.
    bench.server.forget(15)
    bench.server.append(more, ...posts)
    bench.start()
    await untilStored(bench, [more])
    const { cursor = Infinity } = bench.server.connections.at(-1) ?? {}
    expect(cursor).toBeLessThanOrEqual(more.time_us)
    expect(cursor).toBeGreaterThan(more.time_us - MINUTE_US)
  })

  test.for([-HOUR_US, -MINUTE_US, 40 * DAY_US])(
    'while our clock is set by %i µs',
    async (wrongUs, { expect }) => {
      await using stack = new AsyncDisposableStack()
      const { bench, posts, tellAll, startUs } = await openStream(stack)
      bench.start()
      await untilStored(bench, posts)
      await bench.server.stopListening()
      bench.passedUs += 25 * SECOND_US
      const missed = Array.from({ length: 12 }, (_, index) => post(startUs + index * 2_000_000))
      tellAll(missed)
      bench.wrongUs = wrongUs
      await bench.server.listenAgain()
      await bench.server.waitForConnection(2)
      bench.wrongUs = 0
      await untilStored(bench, missed)
      expect(await bench.stored()).toHaveLength(24)
    },
  )
})

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

describe.concurrent('a stream that has forgotten what comes after the position', () => {
  test('is a gap that is reported once, with both its ends', async ({ expect }) => {
    await using stack = new AsyncDisposableStack()
    const { bench, posts } = await openStream(stack)
    bench.start()
    await untilStored(bench, posts)
    await bench.stop()
    const fromUs = posts.at(-1)?.time_us ?? 0
    bench.passedUs += 5 * DAY_US
    bench.server.forget(12)
    const later = Array.from({ length: 6 }, (_, index) => post(bench.now() - HOUR_US + index))
    bench.server.append(...later)
    const ingest = bench.start()
    await untilStored(bench, later)
    const gap = { fromUs, toUs: later[0]?.time_us }
    await until(() => ingest.status().gap)
    expect(ingest.status().gap).toMatchObject(gap)
    expect(ingest.status()).toMatchObject({ gapsTotal: 1 })
    expect(Math.round(ingest.status().gapSecondsTotal ?? 0)).toBeGreaterThan(4 * 86_400)
    expect(logged(bench, 'streamGap')).toHaveLength(1)
    await bench.stop()
    const again = bench.start()
    await until(() => again.status().connected && again.status().gap)
    expect(again.status()).toMatchObject({ gap, gapsTotal: 0 })
    await until(() => again.status().lagMs !== undefined, 10_000)
    expect(logged(bench, 'streamGap')).toHaveLength(1)
  })

  test('is left for a host that has not', async ({ expect }) => {
    await using stack = new AsyncDisposableStack()
    const { bench, posts } = await openStream(stack, 2)
    const [young, old] = bench.servers as [JetstreamServer, JetstreamServer]
    bench.start()
    await untilStored(bench, posts)
    await bench.stop()
    bench.passedUs += HOUR_US
    const missed = Array.from({ length: 6 }, (_, index) => post(bench.now() - HOUR_US + index))
    const later = Array.from({ length: 6 }, (_, index) => post(bench.now() - MINUTE_US + index))
    young.append(...missed, ...later)
    young.forget(18)
    old.append(...missed, ...later)
    bench.start()
    await untilStored(bench, [...missed, ...later])
    expect(logged(bench, 'streamGap')).toEqual([])
    expect(old.connections).toHaveLength(1)
  })

  test('is none on a quiet network', async ({ expect }) => {
    await using stack = new AsyncDisposableStack()
    const { bench, posts, tellAll } = await openStream(stack)
    const ingest = bench.start()
    await untilStored(bench, posts)
    await bench.server.disconnectAll({ abruptly: true })
    bench.passedUs += 3 * HOUR_US
    const next = post(bench.now())
    tellAll([next])
    await untilStored(bench, [next])
    await until(() => positionOf(ingest) === next.time_us)
    expect(logged(bench, 'streamGap')).toEqual([])
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
