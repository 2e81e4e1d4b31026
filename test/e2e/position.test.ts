import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { accountEvent, createPost, datetime, deletePost, did } from '../support/events.ts'
import { identityEvent, tid } from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { Frame, JetstreamServer } from '../support/jetstreamServer.ts'
import type { RunningApp } from '../support/runApp.ts'
import {
  HOUR_US,
  SECOND_US,
  hostOf,
  nowUs,
  openClock,
  post,
  runReader,
  unasked,
  uriOf,
} from '../support/streamReader.ts'
import { until } from '../support/until.ts'

/** Where the stream goes on. */

describe('the position', () => {
  const stack = new AsyncDisposableStack()
  const clock = openClock()
  let jetstream: JetstreamServer
  let app: RunningApp
  const first = post(clock)

  beforeAll(async () => {
    jetstream = stack.use(await openJetstreamServer())
    jetstream.append(first)
    app = stack.use(await runReader(jetstream))
    await app.untilCommitted(first.time_us)
  })
  afterAll(() => stack.disposeAsync())

  const lasts: [name: string, make: () => Frame | JetstreamEvent][] = [
    ['a post that is kept', () => post(clock)],
    ['a post without tags', () => post(clock, { tags: [] })],
    ['a repeated post', () => ({ ...first, time_us: clock.tick() })],
    ['a delete of nothing', () => deletePost({ timeUs: clock.tick(), rkey: '3kaaa' })],
    ['an account event', () => accountEvent({ timeUs: clock.tick(), did: did(9) })],
    [
      'a stale account event',
      () =>
        accountEvent({ timeUs: clock.tick(), did: did(9), seq: 0, time: '2001-01-01T00:00:00Z' }),
    ],
    ['an identity event', () => identityEvent({ timeUs: clock.tick() })],
    [
      'an unknown kind',
      () => unasked({ did: did(1), time_us: clock.tick(), kind: 'x' }, clock.now()),
    ],
    [
      'an unknown collection',
      () => {
        const event = post(clock)
        return unasked(
          { ...event, commit: { ...event.commit, collection: 'a.b.c' } },
          event.time_us,
        )
      },
    ],
    ['a frame with a bad rev', () => post(clock, { rev: 'x' })],
    ['a frame with a bad did', () => unasked({ ...post(clock), did: 'x' }, clock.now())],
    [
      'a frame with a bad account',
      () => unasked({ ...accountEvent({ timeUs: clock.tick() }), account: 7 }, clock.now()),
    ],
  ]

  test.each(lasts)('is committed within 2 s after %s', async (_, make) => {
    jetstream.append(make())
    const isCommitted = async () => (await app.health()).ingest.positionUs === clock.now()
    await expect(until(isCommitted, 2_000)).resolves.toBe(true)
  })

  test('is not moved by an event of the future, which is taken as of now and reported', async () => {
    await using server = await openJetstreamServer()
    await using service = await runReader(server, { FEEDGEN_BACKFILL_HOURS: '0' })
    await server.waitForConnection()
    let authors = 100
    const make = (timeUs: number, createdAt?: string) =>
      createPost({
        timeUs,
        did: did((authors += 1)),
        rkey: tid(timeUs % 1e15),
        rev: tid(timeUs % 1e15),
        tags: ['art'],
        record: { createdAt },
      })
    const ahead = (us: number, createdAt?: string) => make(nowUs() + us, createdAt)
    const future = [
      ahead(61 * SECOND_US),
      ahead(HOUR_US, datetime(nowUs() + HOUR_US)),
      ahead(24 * HOUR_US, '9999-12-31T00:00:00Z'),
      make(4e15),
      make(Number.MAX_SAFE_INTEGER),
    ]
    const claimed = ahead(HOUR_US, datetime(nowUs() - HOUR_US))
    // Before one is on time nobody knows whose clock is wrong.
    const onTime = make(nowUs() - 90 * SECOND_US)
    const rejected = unasked({ ...make(nowUs() + HOUR_US), did: 'x' }, nowUs())
    server.append(onTime, ...future, claimed, rejected)
    // Frames are counted as they are read, and committed after that.
    await until(async () => (await service.walk('art')).length === 7)
    await until(async () => (await service.health()).ingest.rejectedTotal === 1)
    expect((await service.health()).ingest.positionUs ?? onTime.time_us).toBe(onTime.time_us)
    const reports = service.logs.filter(({ event }) => event === 'futureEvent')
    expect(reports.length).toBeGreaterThan(0)
    expect(reports.length).toBeLessThan(7)
    const [early, late] = [ahead(-60 * SECOND_US), ahead(40 * SECOND_US)]
    server.append(early, ahead(2 * HOUR_US, '2020-01-01T00:00:00Z'), late)
    await service.untilCommitted(late.time_us)
    expect((await service.health()).ingest.positionUs).toBe(late.time_us)
    const order = await service.walk('art')
    expect(order[0]).toBe(uriOf(late))
    expect(order.slice(1, 6).toSorted()).toEqual(future.map((event) => uriOf(event)).toSorted())
    expect(order.slice(6)).toEqual([early, onTime, claimed].map((event) => uriOf(event)))
    // The committed position lies in the future, though not far: what is asked for does not.
    await server.disconnectAll({ code: 1001 })
    const { cursor = Infinity, openedAt } = await server.waitForConnection(2)
    expect(cursor).toBeLessThanOrEqual(openedAt * 1000 - 5 * SECOND_US)
    expect(await service.walk('art')).toEqual(order)
  })

  test('comes back at least 5 s earlier, however the connection ended', async () => {
    const ends = [
      ...[1000, 1001, 1011, 4000].map((code) => ({ code, reason: 'enough' })),
      { abruptly: true } as const,
    ]
    for (const [index, end] of ends.entries()) {
      const position = clock.now()
      await jetstream.disconnectAll(end)
      const missed = post(clock, { did: did(50 + index) })
      jetstream.append(missed)
      const { cursor } = await jetstream.waitForConnection(index + 2)
      expect(cursor).toBeLessThanOrEqual(position - 5 * SECOND_US)
      expect(cursor).toBeGreaterThan(position - HOUR_US)
      await app.untilCommitted(missed.time_us)
      expect(await app.walk('art')).toContain(uriOf(missed))
    }
    expect((await app.health()).ingest).toMatchObject({
      connected: true,
      host: hostOf(jetstream),
      reconnectsTotal: ends.length,
    })
  })
})

describe('at every later start', () => {
  test('the first answer of _health has the committed position', async () => {
    const clock = openClock()
    using folder = temporaryFolder()
    await using jetstream = await openJetstreamServer()
    const event = post(clock)
    jetstream.append(event)
    {
      await using app = await runReader(jetstream, {}, { folder: folder.path })
      await app.untilCommitted(event.time_us)
    }
    await using app = await runReader(jetstream, {}, { folder: folder.path })
    expect((await app.health()).ingest.positionUs).toBe(event.time_us)
  })
})

describe.concurrent('on the very first start', () => {
  test.for([
    ['', 2],
    ['0.5', 0.5],
  ] as const)('FEEDGEN_BACKFILL_HOURS=%s asks for %d hours', async ([text, hours], { expect }) => {
    await using jetstream = await openJetstreamServer()
    await using _app = await runReader(jetstream, { FEEDGEN_BACKFILL_HOURS: text })
    const { cursor = 0, openedAt } = await jetstream.waitForConnection()
    const wanted = openedAt * 1000 - hours * HOUR_US
    expect(Math.abs(cursor - wanted)).toBeLessThan(60 * SECOND_US)
    expect(Number.isInteger(cursor)).toBe(true)
  })

  test('FEEDGEN_BACKFILL_HOURS=0 asks for what is live, and later for what is missed', async ({
    expect,
  }) => {
    const clock = openClock()
    await using jetstream = await openJetstreamServer()
    const [past, live, missed] = [post(clock), post(clock), post(clock)]
    jetstream.append(past)
    await using app = await runReader(jetstream, { FEEDGEN_BACKFILL_HOURS: '0' })
    expect((await jetstream.waitForConnection()).cursor).toBeUndefined()
    expect((await app.health()).ingest.positionUs).toBeNull()
    jetstream.append(live)
    await app.untilCommitted(live.time_us)
    expect(await app.walk('art')).toEqual([uriOf(live)])
    await jetstream.disconnectAll({ abruptly: true })
    jetstream.append(missed)
    await app.untilCommitted(missed.time_us)
    expect((await jetstream.waitForConnection(2)).cursor).toBeLessThan(live.time_us)
    expect(await app.walk('art', 1)).toContain(uriOf(missed))
  })
})
