import { describe, test } from 'vitest'
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
import type { CommitEvent } from '../support/events.ts'
import { openIngestBench } from '../support/ingestBench.ts'
import type { Frame, JetstreamServer } from '../support/jetstreamServer.ts'
import { until } from '../support/until.ts'

/** Outages, under clocks that are wrong, and a stream that has forgotten: what must not come of them. */

/** One that is filed where it belongs, whatever it says. */
const strayOf = (event: CommitEvent, aheadUs: number, isGood: boolean): Frame => {
  const told = { ...event, time_us: event.time_us + aheadUs, ...(!isGood && { did: 'x' }) }
  return { timeUs: event.time_us, data: JSON.stringify(told), binary: false }
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
