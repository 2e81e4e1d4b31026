import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accountEvent, datetime, deletePost, did } from '../support/events.ts'
import { updatePost } from '../support/events.ts'
import type { CommitEvent, JetstreamEvent } from '../support/events.ts'
import { faults, openJetstreamServer } from '../support/jetstreamServer.ts'
import type { Frame, JetstreamServer } from '../support/jetstreamServer.ts'
import type { RunningApp } from '../support/runApp.ts'
import { createRandom } from '../support/streamGenerator.ts'
import { nowUs, openClock, post, runReader, unasked, uriOf } from '../support/streamReader.ts'
import { until } from '../support/until.ts'

/** What is wrong with frames, and what must not come of it. */

const MIB = 1024 * 1024

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
