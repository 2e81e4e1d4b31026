import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { accountEvent, createPost, datetime, deletePost, did } from '../support/events.ts'
import { identityEvent, tid, updatePost } from '../support/events.ts'
import type { AccountEvent, CommitEvent, JetstreamEvent, PostOptions } from '../support/events.ts'
import { faults, openJetstreamServer } from '../support/jetstreamServer.ts'
import type { Frame, JetstreamServer } from '../support/jetstreamServer.ts'
import { openLocalServer } from '../support/localServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { createRandom, generateEvents, take } from '../support/streamGenerator.ts'
import type { Random } from '../support/streamGenerator.ts'
import { until } from '../support/until.ts'

/** What the stream, its hosts and the network do wrong, and what must not come of it. */

const SECOND_US = 1_000_000
const HOUR_US = 3_600 * SECOND_US
const MIB = 1024 * 1024
const FEEDS = `feeds:
  - { rkey: art, name: Art, tags: [art] }
`

const nowUs = (): number => Date.now() * 1000
const uriOf = ({ did, commit }: CommitEvent): string =>
  `at://${did}/app.bsky.feed.post/${commit.rkey}`
const hostOf = (server: JetstreamServer): string => new URL(server.url).host
const urlsOf = (servers: readonly JetstreamServer[]): string =>
  servers.map(({ url }) => url).join(',')

/** Moments of the past, a second apart: a service that resumes is sent the last few again. */
function openClock(startUs = nowUs() - HOUR_US) {
  let timeUs = startUs
  return { tick: () => (timeUs += SECOND_US), now: () => timeUs }
}
type Clock = ReturnType<typeof openClock>

const post = (clock: Clock, options: Partial<PostOptions> = {}): CommitEvent =>
  createPost({ timeUs: clock.tick(), tags: ['art'], ...options })

/** Passes every filter of the server, as a frame does that was never asked for. */
const unasked = (event: unknown, timeUs: number): Frame => ({
  timeUs,
  data: Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)),
  binary: false,
})

const runReader = (
  servers: JetstreamServer | readonly JetstreamServer[],
  env: Record<string, string> = {},
  more: { feeds?: string; folder?: string } = {},
): Promise<RunningApp> =>
  runApp({
    ...{ feeds: FEEDS, ...more },
    env: { FEEDGEN_JETSTREAM_URLS: urlsOf([servers].flat()), ...env },
  })

const untilConnected = (app: RunningApp, isConnected = true): Promise<unknown> =>
  until(async () => (await app.health()).ingest.connected === isConnected)

describe('frames', () => {
  const stack = new AsyncDisposableStack()
  const clock = openClock()
  let jetstream: JetstreamServer
  let app: RunningApp

  beforeAll(async () => {
    jetstream = stack.use(await openJetstreamServer())
    app = stack.use(await runReader(jetstream))
    await jetstream.waitForConnection()
  })
  afterAll(() => stack.disposeAsync())

  /** Sends frames and a good post after them; answers how many were rejected and what is new. */
  async function outcome(frames: readonly (Frame | JetstreamEvent)[]) {
    const before = { uris: await app.walk('art'), health: await app.health() }
    const after = post(clock)
    jetstream.append(...frames, after)
    await app.untilCommitted(after.time_us)
    const { ingest } = await app.health()
    const uris = await app.walk('art')
    return {
      rejected: ingest.rejectedTotal - before.health.ingest.rejectedTotal,
      read: ingest.eventsTotal - before.health.ingest.eventsTotal - 1,
      kept: uris.filter((uri) => !before.uris.includes(uri) && uri !== uriOf(after)),
      isFollowed: uris.includes(uriOf(after)),
      connections: jetstream.connections.length,
      closed: jetstream.connections[0]?.closed,
    }
  }
  const passedOver = (count: number) => ({
    ...{ rejected: count, kept: [], isFollowed: true },
    ...{ connections: 1, closed: undefined },
  })

  const bad = (change: (event: Record<string, unknown>) => void, event: JetstreamEvent): Frame => {
    const copy = structuredClone(event) as unknown as Record<string, unknown>
    change(copy)
    return unasked(copy, event.time_us)
  }
  const badField = (field: string, values: readonly unknown[]) => (): Frame[] =>
    values.map((value) => bad((event) => (event[field] = value), post(clock)))
  const badCommit = (field: string, values: readonly unknown[]) => (): Frame[] =>
    values.map((value) =>
      bad((event) => {
        Object.assign(event['commit'] as object, { [field]: value })
      }, post(clock)),
    )
  const badAccount = (values: readonly unknown[]) => (): Frame[] =>
    values.map((account) =>
      bad((event) => (event['account'] = account), accountEvent({ timeUs: clock.tick() })),
    )
  const hidden = { did: did(1), active: false, seq: 1, time: datetime(nowUs()) }
  const rows: [name: string, make: () => Frame[]][] = [
    [
      'no JSON',
      () =>
        ['', ' ', '{', '}', '{"did":"did:plc:', 'hello', '{} {}', '{"a":1,}', "{'a':1}", 'NaN'].map(
          (data) => faults.malformedJson(clock.tick(), data),
        ),
    ],
    [
      'no JSON object',
      () =>
        ['null', 'true', '7', '"text"', '[]', '[{}]'].map((data) =>
          faults.malformedJson(clock.tick(), data),
        ),
    ],
    ['an empty object', () => [unasked({}, clock.tick())]],
    [
      'binary data',
      () => [
        faults.binary(clock.tick()),
        faults.binary(clock.tick(), Buffer.alloc(0)),
        faults.binary(clock.tick(), Buffer.alloc(100_000, 0xff)),
      ],
    ],
    [
      'bad UTF-8',
      () => {
        const event = post(clock, { text: 'spoilt \u00e9' })
        const data = Buffer.from(JSON.stringify(event))
        data[data.indexOf(0xc3)] = 0xff
        return [{ timeUs: event.time_us, data, binary: false }]
      },
    ],
    [
      'a bad did',
      badField('did', [
        ...[undefined, null, 7, {}, [], '', 'alice', 'did:', 'did:plc', 'did:plc:', 'plc:abc'],
        ...[
          'DID:plc:abc',
          'did:PLC:abc',
          'did:plc:a b',
          'did:plc:abc:',
          'did:plc:\u00e9',
          ' did:plc:a',
        ],
        ...[
          'did:plc:a/b',
          'did:plc:a#b',
          'did:plc:a?b',
          'did:plc:a\n',
          `did:plc:${'a'.repeat(2_050)}`,
        ],
      ]),
    ],
    [
      'a bad time_us',
      badField('time_us', [
        ...[undefined, null, '1', 0, -1, -0.5, 1.5, 2 ** 53, 1e20, true, [1], {}],
        String(nowUs()),
      ]),
    ],
    ['a bad commit', badField('commit', [undefined, null, 7, 'commit', [], {}])],
    [
      'a bad operation',
      badCommit('operation', [undefined, null, '', 'Create', 'replace', 'put', 7, ['create']]),
    ],
    [
      'a bad collection',
      badCommit('collection', [
        ...[undefined, null, '', 7, 'app', 'app.bsky', 'app..post', 'app.bsky.feed.*', '.a.b.c'],
        ...['app.bsky.feed.post/x', 'app.bsky.feed.po st', 'app.bsky.feed.post.', 'a.b.1'],
      ]),
    ],
    [
      'a bad rkey',
      badCommit('rkey', [
        ...[undefined, null, 7, '', '.', '..', 'a/b', 'a b', 'a#b', 'a?b', '\u00e9', 'a\n'],
        'x'.repeat(513),
      ]),
    ],
    [
      'a bad rev',
      badCommit('rev', [
        ...[undefined, null, 7, '', 'x', '3jzfcijpj2z2', '3jzfcijpj2z2aa', '3JZFCIJPJ2Z2A'],
        ...['0000000000000', 'zzzzzzzzzzzzz', '3jzf-cij-pj2z-2a', '3jzfcijpj2z2a\n'],
      ]),
    ],
    ['a bad record', badCommit('record', [undefined, null, 7, 'record', [], true])],
    [
      'a bad cid',
      badCommit('cid', [
        ...[undefined, null, 7, '', 'bafyabc', 'b'.repeat(257), 'bafy-abcdef', 'bafy abcdef'],
        ...['bafyabcd\u00e9', 'bafyabcdef\n', { $link: 'bafyabcdefgh' }],
      ]),
    ],
    [
      'a bad update',
      () => [
        bad(
          (event) => Object.assign(event['commit'] as object, { record: null }),
          updatePost({ timeUs: clock.tick(), rkey: '3kaaa', tags: ['art'] }),
        ),
        bad(
          (event) => Object.assign(event['commit'] as object, { cid: undefined }),
          updatePost({ timeUs: clock.tick(), rkey: '3kaaa', tags: ['art'] }),
        ),
      ],
    ],
    [
      'a bad delete',
      () =>
        [{ rev: undefined }, { rkey: undefined }, { collection: undefined }].map((change) =>
          bad(
            (event) => Object.assign(event['commit'] as object, change),
            deletePost({ timeUs: clock.tick(), rkey: '3kaaa' }),
          ),
        ),
    ],
    [
      'a bad account',
      badAccount([
        ...[undefined, null, 7, 'account', [], {}, { ...hidden, active: undefined }],
        ...[
          { ...hidden, active: null },
          { ...hidden, active: 0 },
          { ...hidden, active: 'false' },
        ],
        ...[
          { ...hidden, did: undefined },
          { ...hidden, did: did(2) },
          { ...hidden, did: '' },
        ],
      ]),
    ],
    [
      'a bad commit of an unknown collection',
      () => {
        const event = post(clock)
        const commit = { ...event.commit, collection: 'com.example.thing' }
        return [
          unasked({ ...event, commit: { ...commit, rev: 'x' } }, event.time_us),
          unasked({ ...event, commit: { ...commit, rkey: '..' } }, event.time_us),
        ]
      },
    ],
  ]

  test.each(rows)('with %s are rejected, each one, and the stream goes on', async (_, make) => {
    const frames = make()
    expect(await outcome(frames)).toMatchObject({
      ...passedOver(frames.length),
      read: frames.length,
    })
  })

  test('of unknown kinds and collections are ignored, not rejected', async () => {
    const event = post(clock)
    const other = (fields: object) =>
      unasked({ did: did(1), time_us: clock.tick(), ...fields }, clock.now())
    const frames = [
      other({ kind: 'sync', sync: { rev: 7 } }),
      other({ kind: 'heartbeat' }),
      other({ kind: 'Commit', commit: event.commit }),
      other({ kind: 'labels', commit: event.commit, account: null }),
      other({ kind: 'identity', identity: { did: did(1), seq: 1, handle: 'a.example' } }),
      ...['app.bsky.feed.like', 'com.example.thing', 'app.bsky.feed.postgate'].map((collection) =>
        other({ kind: 'commit', commit: { ...event.commit, collection } }),
      ),
      other({
        kind: 'commit',
        commit: { operation: 'delete', collection: 'a.b.c', rkey: 'x', rev: event.commit.rev },
      }),
    ]
    expect(await outcome(frames)).toMatchObject({ ...passedOver(0), read: frames.length })
  })

  test('that are good to the limit are kept', async () => {
    const odd = { did: did(1), cursor: 7, extra: null }
    // Letters by chance: no store can make them shorter.
    const random = createRandom(17)
    const letters = (count: number): string =>
      Array.from({ length: count }, () => random.below(36).toString(36)).join('')
    const longest = { did: `did:web:${letters(1_000)}`, rkey: letters(512), cid: letters(256) }
    const events = [
      post(clock, { cid: 'a1B2c3D4' }),
      post(clock, { cid: 'Z'.repeat(256) }),
      post(clock, { rkey: 'x'.repeat(512) }),
      post(clock, { rkey: 'a~b:c_d-e.f' }),
      post(clock, { did: 'did:web:localhost%3A3000' }),
      post(clock, { did: `did:example:${'a'.repeat(500)}` }),
      post(clock, { rev: '2222222222222' }),
      post(clock, longest),
      post(clock, { ...longest, rkey: letters(512) }),
      { ...post(clock), ...odd },
      post(clock, { record: { embed: { $type: 'app.bsky.embed.images', media: [[[]]] } } }),
    ]
    const result = await outcome(events.map((event) => unasked(event, event.time_us)))
    expect(result).toMatchObject({ rejected: 0, connections: 1 })
    expect(result.kept).toEqual(events.map((event) => uriOf(event)).toReversed())
  })

  test('with a record nested 200,000 deep do not stop the stream', async () => {
    const event = post(clock, { record: { embed: 'DEEP', labels: 'DEEP', facets: 'DEEP' } })
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    const frame = unasked(JSON.stringify(event).replaceAll('"DEEP"', deep), event.time_us)
    expect(await outcome([frame])).toMatchObject({ isFollowed: true, connections: 1 })
  })

  test('of exactly 8 MiB are read, and one byte more is too much', async () => {
    const ofSize = (bytes: number): [CommitEvent, Frame] => {
      const event = post(clock)
      const short = faults.oversize(event, 0).data.length
      return [event, faults.oversize(event, bytes - short)]
    }
    const [event, read] = ofSize(8 * MIB)
    const [, over] = ofSize(8 * MIB + 1)
    expect(read.data).toHaveLength(8 * MIB)
    expect(await outcome([over, read])).toMatchObject({ ...passedOver(1), kept: [uriOf(event)] })
  })

  test('of 9 and 40 MiB cost themselves, not the stream, and no replay stops at them', async () => {
    const frames = [9, 40].map((size) => faults.oversize(post(clock), size * MIB))
    expect(await outcome(frames)).toMatchObject(passedOver(2))
    await jetstream.disconnectAll({ code: 1000 })
    const after = post(clock)
    jetstream.append(after)
    await app.untilCommitted(after.time_us)
    expect(jetstream.connections).toHaveLength(2)
    expect(await app.walk('art', 1)).toContain(uriOf(after))
  })
})

describe('a frame of any size that a host could send', () => {
  test('costs itself, not the stream', async () => {
    const clock = openClock()
    await using jetstream = await openJetstreamServer()
    await using app = await runReader(jetstream)
    const [before, after] = [post(clock), post(clock)]
    const huge = { timeUs: after.time_us, data: Buffer.alloc(60 * MIB, ' '), binary: false }
    jetstream.append(before, huge, after)
    await until(async () => (await app.walk('art')).length === 2, 6_000)
    expect((await app.health()).ingest.rejectedTotal).toBeGreaterThan(0)
  })
})

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

/** What the stream says, folded frame by frame: all that the feeds below can show. */
class Model {
  readonly #posts = new Map<string, { did: string; tags: string[]; key: string }>()
  readonly #hidden = new Set<string>()

  constructor(events: Iterable<JetstreamEvent>) {
    for (const event of events) {
      if (event.kind === 'account') {
        this.#account(event)
      } else if (event.kind === 'commit' && event.commit.collection === 'app.bsky.feed.post') {
        this.#commit(event)
      }
    }
  }

  feed(tag: string): string[] {
    return [...this.#posts]
      .filter(([, { did, tags }]) => tags.includes(tag) && !this.#hidden.has(did))
      .map(([uri, { key }]): [string, string] => [`${key} ${uri}`, uri])
      .toSorted(([left], [right]) => (left < right ? 1 : -1))
      .map(([, uri]) => uri)
  }

  #account({ did, account }: AccountEvent): void {
    this.#hidden[account.active ? 'delete' : 'add'](did)
    if (account.status === 'deleted') {
      for (const [uri, post] of this.#posts) {
        if (post.did === did) {
          this.#posts.delete(uri)
        }
      }
    }
  }

  #commit(event: CommitEvent): void {
    const { operation, record, cid } = event.commit
    const uri = uriOf(event)
    if (operation === 'delete') {
      this.#posts.delete(uri)
      return
    }
    const tags = record?.['reply'] === undefined ? tagsOf(record ?? {}) : []
    const old = this.#posts.get(uri)
    if (old !== undefined || tags.length > 0) {
      const claimed = Date.parse(String(record?.['createdAt'])) * 1000
      const indexedAt = String(Math.min(claimed, event.time_us)).padStart(16, '0')
      this.#posts.set(uri, { did: event.did, tags, key: old?.key ?? `${indexedAt} ${cid}` })
    }
  }
}

function tagsOf(record: Record<string, unknown>): string[] {
  const facets = (record['facets'] ?? []) as { features: { tag: string }[] }[]
  const tags = facets.flatMap(({ features }) => features.map(({ tag }) => tag))
  return [...tags, ...((record['tags'] ?? []) as string[])].map((tag) =>
    tag.normalize('NFKC').toLowerCase(),
  )
}

const TAGS = ['art', 'artwork', 'photography', 'cats', 'digitalart', 'イラスト', 'c++', '$tsla']
const TAG_FEEDS = `feeds:\n${TAGS.map(
  (tag, index) => `  - { rkey: f${index}, name: Feed, tags: ["${tag}"] }\n`,
).join('')}`

const readAll = (app: RunningApp): Promise<string[][]> =>
  Promise.all(TAGS.map((_, index) => app.walk(`f${index}`, 50)))

/** A network in which much is written, changed and taken back, by few. */
const busy = (count: number, seed: number): JetstreamEvent[] =>
  take(
    count,
    generateEvents({
      ...{ seed, startUs: nowUs() - HOUR_US, eventsPerSecond: 10, accounts: 150 },
      shares: { like: 2, repost: 1, follow: 1, post: 60, delete: 12, update: 15, account: 6 },
      ...{ taggedShare: 0.8, rememberedPosts: 300 },
    }),
  )

/** Each account's events keep their order; those of different accounts do not, by up to 100 places. */
function reorder(events: readonly JetstreamEvent[], random: Random): JetstreamEvent[] {
  const slots = events.map((event, index) => ({ event, key: index + random.next() * 100 }))
  const lastOf = new Map<string, number>()
  for (const slot of slots) {
    slot.key = Math.max(slot.key, (lastOf.get(slot.event.did) ?? -1) + 1e-6)
    lastOf.set(slot.event.did, slot.key)
  }
  return slots.toSorted((left, right) => left.key - right.key).map(({ event }) => event)
}

describe('the state that the stream describes', () => {
  const isAskedFor = (event: JetstreamEvent): boolean =>
    event.kind !== 'commit' || event.commit.collection === 'app.bsky.feed.post'
  const lastOf = (events: readonly JetstreamEvent[]): number =>
    Math.max(...events.filter(isAskedFor).map(({ time_us }) => time_us))
  const expected = (events: readonly JetstreamEvent[]): string[][] => {
    const model = new Model(events)
    return TAGS.map((tag) => model.feed(tag))
  }

  test('comes of frames repeated, in other orders across accounts, with rubbish between', async () => {
    const events = busy(2_000, 5)
    const random = createRandom(6)
    await using jetstream = await openJetstreamServer()
    const frames = reorder(events, random).flatMap((event): (Frame | JetstreamEvent)[] => [
      ...faults.repeated(event, random.chance(0.2) ? 3 : 1),
      ...(random.chance(0.02) ? [faults.malformedJson(event.time_us)] : []),
    ])
    jetstream.appendAll([...frames, ...events.slice(-300), ...events.slice(-500, -200)])
    jetstream.append(identityEvent({ timeUs: lastOf(events) + SECOND_US }))
    await using app = await runReader(jetstream, {}, { feeds: TAG_FEEDS })
    await app.untilCommitted(lastOf(events) + SECOND_US)
    const wanted = expected(events)
    expect(wanted.every((uris) => uris.length > 0)).toBe(true)
    expect(await readAll(app)).toEqual(wanted)
  })

  test('comes of a v2 host that replays an hour at every reconnect', async () => {
    const events = busy(1_500, 7)
    const half = events.slice(0, 700)
    await using jetstream = await openJetstreamServer({
      flavour: 'v2',
      segmentStartUs: events[0]?.time_us ?? 0,
    })
    jetstream.appendAll(half)
    await using app = await runReader(jetstream, {}, { feeds: TAG_FEEDS })
    await app.untilCommitted(lastOf(half))
    expect(await readAll(app)).toEqual(expected(half))
    await jetstream.disconnectAll({ abruptly: true })
    await jetstream.waitForConnection(2)
    await jetstream.waitUntilSent()
    jetstream.dropAfter(900)
    jetstream.appendAll(events.slice(700))
    await until(() => jetstream.connections.length >= 3)
    jetstream.dropAfter(Infinity)
    await app.untilCommitted(lastOf(events))
    await jetstream.disconnectAll({ code: 1001 })
    const marker = identityEvent({ timeUs: lastOf(events) + SECOND_US })
    jetstream.append(marker)
    await app.untilCommitted(marker.time_us)
    expect(await readAll(app)).toEqual(expected(events))
    expect((await app.health()).ingest.rejectedTotal).toBe(0)
  })

  test('also when a replay begins before the first start: what was deleted stays away', async () => {
    const clock = openClock()
    const author = { did: did(1) }
    const erased = post(clock, author)
    const alsoErased = post(clock, author)
    const deleted = post(clock, { did: did(2) })
    await using jetstream = await openJetstreamServer({ flavour: 'v2', segmentStartUs: 1 })
    jetstream.append(erased, alsoErased, deleted)
    await using app = await runReader(jetstream, { FEEDGEN_BACKFILL_HOURS: '0' })
    await jetstream.waitForConnection()
    const { rkey } = deleted.commit
    jetstream.append(
      accountEvent({ timeUs: clock.tick(), ...author, active: false, status: 'deleted' }),
      accountEvent({ timeUs: clock.tick(), ...author }),
      deletePost({ timeUs: clock.tick(), did: did(2), rkey }),
    )
    const kept = post(clock, author)
    jetstream.append(kept)
    await app.untilCommitted(kept.time_us)
    expect(await app.walk('art')).toEqual([uriOf(kept)])
    await jetstream.disconnectAll({ abruptly: true })
    jetstream.append(identityEvent({ timeUs: clock.tick() }))
    await app.untilCommitted(clock.now())
    expect(await app.walk('art')).toEqual([uriOf(kept)])
  })

  test('outlives a SIGKILL at any instant', async () => {
    const events = busy(5_000, 8)
    const random = createRandom(9)
    using folder = temporaryFolder()
    await using jetstream = await openJetstreamServer()
    const rounds = 6
    for (let round = 0; round < rounds; round += 1) {
      const slice = events.slice((round * 5_000) / rounds, ((round + 1) * 5_000) / rounds)
      await using app = await runReader(jetstream, {}, { feeds: TAG_FEEDS, folder: folder.path })
      await jetstream.waitForConnection(round + 1)
      const first = slice.slice(0, 1 + random.below(slice.length))
      const kill = random.below(3)
      jetstream.appendAll(first)
      if (kill === 0) {
        await jetstream.waitUntilSent()
      } else if (kill === 1) {
        await until(async () => (await app.health()).ingest.eventsTotal > random.below(400))
      } else {
        await app.untilCommitted(lastOf(first.slice(0, 1 + random.below(first.length))) - SECOND_US)
      }
      jetstream.appendAll(slice.slice(first.length))
      await app.stop('SIGKILL')
    }
    await using app = await runReader(jetstream, {}, { feeds: TAG_FEEDS, folder: folder.path })
    await app.untilCommitted(lastOf(events))
    const wanted = expected(events)
    expect(wanted.flat().length).toBeGreaterThan(200)
    expect(await readAll(app)).toEqual(wanted)
    expect(await app.stop()).toBe(0)
  }, 60_000)
})
