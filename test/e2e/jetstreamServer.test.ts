import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { lexParse, parseCid } from '@atproto/lex'
import {
  isValidAtUri,
  isValidDatetime,
  isValidDid,
  isValidNsid,
  isValidRecordKey,
  isValidTid,
} from '@atproto/syntax'
import { app } from '@bsky/sdk/lexicons'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import {
  accountEvent,
  createPost,
  deleteLike,
  deletePost,
  did,
  fakeBlobCid,
  fakeCid,
  follow,
  identityEvent,
  like,
  refTo,
  repost,
  tid,
  updatePost,
} from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import { faults, openJetstreamServer } from '../support/jetstreamServer.ts'
import type { Frame } from '../support/jetstreamServer.ts'
import { createRandom, generateEvents, generateFrames, take } from '../support/streamGenerator.ts'

const START_US = Date.UTC(2026, 6, 4) * 1000

/** A WebSocket that keeps what it got. */
class Client implements AsyncDisposable {
  readonly socket: WebSocket
  readonly frames: Buffer[] = []
  readonly binaryFrames: Buffer[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  #check = (): void => {}

  constructor(url: string) {
    this.socket = new WebSocket(url)
    this.socket.on('message', (data, isBinary) => {
      ;(isBinary ? this.binaryFrames : this.frames).push(data as Buffer)
      this.#check()
    })
    this.closed = new Promise((resolve) => {
      this.socket.on('error', () => {})
      this.socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  }

  get texts(): string[] {
    return this.frames.map(String)
  }

  /** The `time_us` of every JSON frame so far: in these tests that names the event. */
  get times(): number[] {
    return this.texts.map((text) => (JSON.parse(text) as JetstreamEvent).time_us - START_US)
  }

  /** Resolves with the first `count` text frames' times, once they are there. */
  async got(count: number): Promise<number[]> {
    await new Promise<void>((resolve) => {
      this.#check = () => (this.frames.length >= count ? resolve() : undefined)
      this.#check()
    })
    return this.times
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate()
    await this.closed
  }
}

async function connect(url: string): Promise<Client> {
  const client = new Client(url)
  await once(client.socket, 'open')
  return client
}

/** What a refused client reads. */
async function refused(url: string): Promise<{ status: number; type: string; body: string }> {
  const socket = new WebSocket(url)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
  }
  const type = response.headers['content-type'] ?? ''
  return { status: response.statusCode ?? 0, type, body: Buffer.concat(chunks).toString() }
}

/** A root post; `at` names it in these tests. */
const post = (at: number, n = 1) =>
  createPost({ timeUs: START_US + at, did: did(n), tags: ['art'] })
const cursor = (at: number): string => `cursor=${START_US + at}`
const update = (payload: unknown): string => JSON.stringify({ type: 'options_update', payload })

/** One event of each kind that filters look at differently. */
const mixture = (): JetstreamEvent[] => {
  const first = post(1)
  return [
    first,
    like({ timeUs: START_US + 2, did: did(2), subject: refTo(first) }),
    follow({ timeUs: START_US + 3, did: did(3), subject: did(1) }),
    accountEvent({ timeUs: START_US + 4, did: did(4) }),
    identityEvent({ timeUs: START_US + 5, did: did(5) }),
    deletePost({ timeUs: START_US + 6, did: did(1), rkey: first.commit.rkey }),
  ]
}

/** The times of what a subscriber with this query is sent of `frames`, all of them in the past. */
async function received(
  frames: readonly (Frame | JetstreamEvent)[],
  query: string,
): Promise<number[]> {
  await using server = await openJetstreamServer()
  server.appendAll(frames)
  const last = accountEvent({ timeUs: START_US + 1e6, did: did(1) })
  server.append(last)
  await using client = await connect(`${server.url}?${query}`)
  await server.waitUntilSent()
  const [connection] = server.connections
  const times = await client.got(connection?.framesSent ?? 0)
  return times.filter((time) => time !== 1e6)
}

describe('the position', () => {
  test('a cursor is inclusive, and the live tail follows the replay', async () => {
    await using server = await openJetstreamServer()
    server.append(post(1), post(2), post(3))
    await using client = await connect(`${server.url}?${cursor(2)}`)
    await client.got(2)
    server.append(post(4))
    expect(await client.got(3)).toEqual([2, 3, 4])
    expect(server.connections[0]).toMatchObject({ cursor: START_US + 2, framesSent: 3 })
  })

  test('without a cursor, or with an empty one, only what comes next is sent', async () => {
    await using server = await openJetstreamServer()
    server.append(post(1))
    await using plain = await connect(server.url)
    await using empty = await connect(`${server.url}?cursor=`)
    server.append(post(2))
    expect([await plain.got(1), await empty.got(1)]).toEqual([[2], [2]])
    expect(server.connections.map((each) => each.cursor)).toEqual([undefined, undefined])
  })

  test('a cursor in the future is the live tail, whatever the log claims', async () => {
    await using server = await openJetstreamServer({ nowUs: () => START_US + 10 })
    server.append(post(1), post(1_000))
    await using client = await connect(`${server.url}?${cursor(11)}`)
    server.append(post(2))
    expect(await client.got(1)).toEqual([2])
  })

  test('a cursor that is too old starts at the oldest frame held', async () => {
    await using server = await openJetstreamServer()
    server.append(post(1), post(2), post(3))
    server.forget(1)
    await using client = await connect(`${server.url}?${cursor(1)}`)
    await using early = await connect(`${server.url}?cursor=-5`)
    expect([await client.got(2), await early.got(2)]).toEqual([
      [2, 3],
      [2, 3],
    ])
  })

  test.each(['abc', '1.5', '12x', '0x10'])('the cursor %s is refused with 400', async (value) => {
    await using server = await openJetstreamServer()
    const answer = await refused(`${server.url}?cursor=${value}`)
    expect(answer.status).toBe(400)
    expect(answer.type).toMatch(/^text\/plain/)
    expect(answer.body).toContain(value)
    expect(server.connections).toEqual([])
  })

  test('a replay walks the log in its order, from the first frame that is late enough', async () => {
    const frames = [post(5), post(2), post(9), post(3), post(7)]
    expect(await received(frames, cursor(6))).toEqual([9, 3, 7])
    expect(await received(frames, cursor(5))).toEqual([5, 2, 9, 3, 7])
  })

  test('nothing is lost or repeated where the replay meets the live tail', async () => {
    await using server = await openJetstreamServer()
    const frames = Array.from({ length: 30_000 }, (_, at) => post(at))
    server.appendAll(frames.slice(0, 5_000))
    await using client = await connect(`${server.url}?${cursor(0)}`)
    for (let from = 5_000; from < frames.length; from += 500) {
      server.appendAll(frames.slice(from, from + 500))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await client.got(frames.length)).toEqual(frames.map((_, at) => at))
  })

  test('any log, any cursor: the frames from there on, each once, in order', async () => {
    const logs = fc.array(fc.nat(20), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(logs, fc.nat(20), async (log, from) => {
        const start = log.findIndex((at) => at >= from)
        const expected = start === -1 ? [] : log.slice(start)
        expect(
          await received(
            log.map((at) => post(at)),
            cursor(from),
          ),
        ).toEqual(expected)
      }),
      { numRuns: 30 },
    )
  })
})

describe('the filters', () => {
  test.each([
    ['wantedCollections=app.bsky.feed.post', [1, 4, 5, 6]],
    [
      'wantedCollections=app.bsky.feed.post&wantedCollections=app.bsky.graph.follow',
      [1, 3, 4, 5, 6],
    ],
    ['wantedCollections=app.bsky.feed.*', [1, 2, 4, 5, 6]],
    ['wantedCollections=app.bsky.*', [1, 2, 3, 4, 5, 6]],
    ['wantedCollections=com.example.thing', [4, 5]],
    [`wantedDids=${did(2)}`, [2]],
    [`wantedDids=${did(1)}&wantedDids=${did(5)}`, [1, 5, 6]],
    [`wantedDids=${did(4)}&wantedCollections=app.bsky.feed.post`, [4]],
    ['', [1, 2, 3, 4, 5, 6]],
  ])('%s lets these through: %j', async (query, expected) => {
    expect(await received(mixture(), `${cursor(0)}&${query}`)).toEqual(expected)
  })

  test('messages over the size limit are skipped without a word', async () => {
    const long = createPost({ timeUs: START_US + 2, text: 'x'.repeat(500) })
    const limit = JSON.stringify(long).length
    const frames = [post(1), long, post(3)]
    const sizes = (bytes: number | string) => `${cursor(0)}&maxMessageSizeBytes=${bytes}`
    expect(await received(frames, sizes(limit))).toEqual([1, 2, 3])
    expect(await received(frames, sizes(limit - 1))).toEqual([1, 3])
    for (const none of [0, -1, '', 'much', '1e3', 2 ** 40]) {
      expect(await received(frames, sizes(none))).toEqual([1, 2, 3])
    }
  })

  const many = (name: string, values: string[]): string =>
    values.map((value) => `${name}=${value}`).join('&')
  const nsids = (count: number) => Array.from({ length: count }, (_, n) => `com.example.n${n}x`)
  const dids = (count: number) => Array.from({ length: count }, (_, n) => did(n))

  test.each([
    ['a collection that is no NSID', 'wantedCollections=nonsense'],
    ['an empty collection', 'wantedCollections='],
    ['a prefix that ends inside a name', 'wantedCollections=app.bsky.graph.fo*'],
    ['101 collections', many('wantedCollections', nsids(101))],
    ['a DID that is none', 'wantedDids=alice'],
    ['10,001 DIDs', many('wantedDids', dids(10_001))],
    ['zstd, which this server lacks', 'compress=true'],
  ])('%s is refused with 400 before the upgrade', async (_, query) => {
    await using server = await openJetstreamServer()
    const answer = await refused(`${server.url}?${query}`)
    expect([answer.status, answer.type]).toEqual([400, 'text/plain; charset=utf-8'])
    expect(server.refusals).toEqual([{ url: expect.any(URL), status: 400 }])
  })

  test.each([
    ['100 collections, repeated', many('wantedCollections', [...nsids(100), ...nsids(100)])],
    ['10,000 DIDs', many('wantedDids', dids(10_000))],
  ])('%s are accepted', async (_, query) => {
    await using server = await openJetstreamServer()
    await using client = await connect(`${server.url}?${query}`)
    server.append(accountEvent({ timeUs: START_US + 1, did: did(9_999) }))
    expect(await client.got(1)).toEqual([1])
    expect(server.connections[0]?.url.searchParams.size).toBeGreaterThan(99)
  })

  test('what is no JSON object passes every filter, as text or binary as it was given', async () => {
    await using server = await openJetstreamServer()
    const binary = faults.binary(START_US + 3)
    server.append(faults.malformedJson(START_US + 1), post(2), binary)
    server.append({ timeUs: START_US + 4, data: '[1]' })
    server.append({ timeUs: START_US + 5, data: Buffer.from('null'), binary: false })
    server.append(accountEvent({ timeUs: START_US + 6, did: did(2) }))
    const filters = `wantedCollections=a.b.c&wantedDids=${did(3)}&maxMessageSizeBytes=1`
    await using client = await connect(`${server.url}?${cursor(0)}&${filters}`)
    await server.waitUntilSent()
    expect(server.connections[0]?.framesSent).toBe(4)
    server.append({ timeUs: START_US + 7, data: 'end' })
    await server.waitUntilSent()
    await new Promise<void>((resolve) => {
      const check = () => (client.texts.at(-1) === 'end' ? resolve() : undefined)
      client.socket.on('message', check)
      check()
    })
    expect(client.texts).toEqual(['{"did":"did:plc:', '[1]', 'null', 'end'])
    expect(client.binaryFrames).toEqual([binary.data])
  })
})

describe('what a subscriber sends', () => {
  test('with requireHello nothing is sent before the first valid options_update', async () => {
    await using server = await openJetstreamServer()
    server.append(...mixture())
    await using client = await connect(`${server.url}?${cursor(0)}&requireHello=true`)
    await using plain = await connect(`${server.url}?${cursor(0)}&requireHello=True`)
    await plain.got(6)
    client.socket.send(JSON.stringify({ type: 'heartbeat' }))
    client.socket.ping()
    await once(client.socket, 'pong')
    expect(client.frames).toEqual([])
    client.socket.send(update({ wantedCollections: ['app.bsky.feed.like'] }))
    expect(await client.got(3)).toEqual([2, 4, 5])
  })

  test('an options_update replaces the whole filter', async () => {
    await using server = await openJetstreamServer()
    const query = `wantedCollections=app.bsky.feed.post&wantedDids=${did(1)}`
    await using client = await connect(`${server.url}?${query}&maxMessageSizeBytes=5000`)
    const say = async (message: string): Promise<void> => {
      client.socket.send(message)
      client.socket.ping()
      await once(client.socket, 'pong')
    }
    const subject = refTo(post(1))
    const events = [
      [post(1), post(2, 2)],
      [like({ timeUs: START_US + 3, did: did(2), subject }), post(4, 2), post(5)],
      [like({ timeUs: START_US + 6, did: did(3), subject }), post(7, 3)],
      [post(8), repost({ timeUs: START_US + 9, did: did(2), subject })],
    ] as const
    server.append(...events[0])
    await say(update({ wantedDids: [did(2)] }))
    server.append(...events[1])
    await say(update({ wantedCollections: [], wantedDids: [] }))
    server.append(...events[2])
    await say(update({ wantedCollections: ['app.bsky.feed.post'], maxMessageSizeBytes: 0 }))
    server.append(...events[3])
    expect(await client.got(6)).toEqual([1, 3, 4, 6, 7, 8])
    await say(update(null))
    server.append(repost({ timeUs: START_US + 10, subject }))
    expect(await client.got(7)).toEqual([1, 3, 4, 6, 7, 8, 10])
  })

  test.each([
    ['an invalid collection', update({ wantedCollections: ['app.bsky.graph.fo*'] }), 1008],
    ['an invalid DID', update({ wantedDids: ['alice'] }), 1008],
    [
      'too many DIDs',
      update({ wantedDids: Array.from({ length: 10_001 }, (_, n) => did(n)) }),
      1008,
    ],
    ['a payload of the wrong shape', update({ wantedCollections: 'app.bsky.feed.post' }), 1007],
    ['a size that is no number', update({ maxMessageSizeBytes: 'much' }), 1007],
    ['a missing payload', '{"type":"options_update"}', 1007],
    ['a message that is no JSON', 'hello', 1007],
  ])('%s disconnects', async (_, message, code) => {
    await using server = await openJetstreamServer()
    await using client = await connect(`${server.url}?requireHello=true`)
    client.socket.send(message)
    expect((await client.closed).code).toBe(code)
    await server.waitUntil(() => server.connections[0]?.closed !== undefined)
    expect(server.connections[0]?.closed?.code).toBe(code)
  })

  test('unknown types and binary messages are ignored', async () => {
    await using server = await openJetstreamServer()
    await using client = await connect(server.url)
    client.socket.send(JSON.stringify({ type: 'heartbeat' }))
    client.socket.send(Buffer.from('hello'))
    client.socket.ping()
    await once(client.socket, 'pong')
    server.append(post(1))
    expect(await client.got(1)).toEqual([1])
  })
})

describe('the v2 flavour', () => {
  test('events carry a cursor that counts them, garbage stays as it is', async () => {
    await using server = await openJetstreamServer({ flavour: 'v2' })
    server.append(post(1), faults.malformedJson(START_US + 2), faults.oversize(post(3), 10))
    await using client = await connect(`${server.url}?${cursor(0)}`)
    await server.waitUntilSent()
    server.append({ timeUs: START_US + 4, data: '{}' })
    await new Promise<void>((resolve) =>
      client.socket.on('message', () => (client.frames.length === 4 ? resolve() : undefined)),
    )
    expect(JSON.parse(client.texts[0] ?? '')).toEqual({ ...post(1), cursor: 1 })
    expect(client.texts[1]).toBe('{"did":"did:plc:')
    expect(JSON.parse(client.texts[2] ?? '')).toMatchObject({ cursor: 3 })
    expect(client.texts[3]).toBe('{"cursor":4}')
  })

  test('small cursors are such numbers, inclusive; v1 takes them for very old times', async () => {
    for (const [flavour, expected] of [
      ['v2', [2, 3]],
      ['v1', [1, 2, 3]],
    ] as const) {
      await using server = await openJetstreamServer({ flavour })
      server.append(post(1), post(2), post(3))
      await using client = await connect(`${server.url}?cursor=2`)
      await server.waitUntilSent()
      expect(await client.got(server.connections[0]?.framesSent ?? 0)).toEqual(expected)
    }
  })

  test('a number that is yet to come is the live tail, a negative one is refused', async () => {
    await using server = await openJetstreamServer({ flavour: 'v2' })
    server.append(post(1))
    await using client = await connect(`${server.url}?cursor=99`)
    server.append(post(2))
    expect(await client.got(1)).toEqual([2])
    expect((await refused(`${server.url}?cursor=-1`)).status).toBe(400)
  })

  test('a time inside the open segment is moved back to the start of the segment', async () => {
    const segmentStartUs = START_US + 3
    await using server = await openJetstreamServer({ flavour: 'v2', segmentStartUs })
    server.append(post(1), post(2), post(3), post(4), post(5))
    await using inside = await connect(`${server.url}?${cursor(5)}`)
    await using before = await connect(`${server.url}?${cursor(2)}`)
    expect([await inside.got(3), await before.got(4)]).toEqual([
      [3, 4, 5],
      [2, 3, 4, 5],
    ])
  })

  test('deflate is agreed on with v2 and never with v1', async () => {
    for (const [flavour, extensions] of [
      ['v1', ''],
      ['v2', 'permessage-deflate'],
    ] as const) {
      await using server = await openJetstreamServer({ flavour })
      const big = createPost({ timeUs: START_US + 1, text: 'x'.repeat(5_000) })
      server.append(post(0), big, post(2))
      await using client = await connect(`${server.url}?${cursor(0)}`)
      expect(client.socket.extensions).toContain(extensions)
      expect(await client.got(3)).toEqual([0, 1, 2])
    }
  })
})

describe('the load', () => {
  test('a client that does not read makes the server wait, and loses nothing', async () => {
    await using server = await openJetstreamServer()
    await using slow = await connect(server.url)
    await using quick = await connect(server.url)
    slow.socket.pause()
    const text = 'x'.repeat(2_000)
    const frames = Array.from({ length: 30_000 }, (_, at) =>
      createPost({ timeUs: START_US + at, text }),
    )
    for (let from = 0; from < frames.length; from += 100) {
      server.appendAll(frames.slice(from, from + 100))
    }
    await quick.got(frames.length)
    // The kernel holds a few megabytes of the 60 or so; the rest is not even handed to the socket.
    expect(server.connections[0]?.framesSent).toBeLessThan(frames.length / 2)
    slow.socket.resume()
    expect(await slow.got(frames.length)).toEqual(frames.map((_, at) => at))
  })

  test('a paused client can be cut off, and the server can end', async () => {
    await using server = await openJetstreamServer()
    const client = await connect(`${server.url}?${cursor(0)}`)
    client.socket.pause()
    const big = 'x'.repeat(1_000_000)
    server.appendAll(
      Array.from({ length: 40 }, (_, at) => createPost({ timeUs: START_US + at, text: big })),
    )
    await server.disconnectAll({ abruptly: true })
    expect(server.connections[0]).toMatchObject({ closed: { code: 1006 } })
    expect(server.connections[0]?.framesSent).toBeLessThan(40)
    client.socket.terminate()
  })

  test('a long replay arrives whole, in order', async () => {
    await using server = await openJetstreamServer()
    const frames = take(100_000, generateFrames({ startUs: START_US, seed: 7 }))
    server.appendAll(frames)
    await using client = await connect(`${server.url}?${cursor(0)}`)
    await server.waitUntilSent()
    await client.got(frames.length)
    expect(
      isDeepStrictEqual(
        client.texts,
        frames.map((frame) => frame.data),
      ),
    ).toBe(true)
  })
})

describe('the faults', () => {
  test('a disconnect with a close frame gives its code to both sides', async () => {
    await using server = await openJetstreamServer()
    await using first = await connect(server.url)
    await using second = await connect(server.url)
    await server.disconnectAll({ code: 1001, reason: 'server shutting down' })
    const going = { code: 1001, reason: 'server shutting down' }
    expect([await first.closed, await second.closed]).toEqual([going, going])
    expect(server.connections.map((each) => each.closed?.code)).toEqual([1001, 1001])
  })

  test('an abrupt disconnect has no close frame', async () => {
    await using server = await openJetstreamServer()
    await using client = await connect(server.url)
    await server.disconnectAll({ abruptly: true })
    expect((await client.closed).code).toBe(1006)
    expect(server.connections[0]?.closed?.code).toBe(1006)
  })

  test('the history tells when the client left, and with which code', async () => {
    await using server = await openJetstreamServer()
    await using client = await connect(server.url)
    const connection = await server.waitForConnection()
    expect(connection.closed).toBeUndefined()
    client.socket.close(4000, 'enough')
    await server.waitUntil(() => connection.closed !== undefined)
    expect(connection.closed).toEqual({ code: 4000, reason: 'enough' })
  })

  test('refuse answers with its status until accept', async () => {
    await using server = await openJetstreamServer()
    server.refuse(503, 'warming up')
    expect(await refused(server.url)).toMatchObject({ status: 503, body: 'warming up' })
    server.refuse(400)
    expect(await refused(server.url)).toMatchObject({ status: 400, body: 'Bad Request' })
    expect(server.refusals.map((each) => each.status)).toEqual([503, 400])
    server.accept()
    await using client = await connect(server.url)
    server.append(post(1))
    expect(await client.got(1)).toEqual([1])
  })

  test('stall silences old and new connections, which stay open and answer pings', async () => {
    await using server = await openJetstreamServer()
    server.append(post(1))
    await using old = await connect(`${server.url}?${cursor(0)}`)
    await old.got(1)
    server.stall()
    server.append(post(2))
    await using fresh = await connect(`${server.url}?${cursor(0)}`)
    for (const { socket } of [old, fresh]) {
      socket.ping()
      await once(socket, 'pong')
    }
    expect([old.times, fresh.times]).toEqual([[1], []])
    server.unstall()
    expect([await old.got(2), await fresh.got(2)]).toEqual([
      [1, 2],
      [1, 2],
    ])
  })

  test('a host goes down and comes back at the same address, with its log', async () => {
    await using server = await openJetstreamServer()
    const { url } = server
    server.append(post(1))
    await using before = await connect(url)
    await server.stopListening()
    expect((await before.closed).code).toBe(1006)
    await expect(connect(url)).rejects.toThrow('ECONNREFUSED')
    server.append(post(2))
    await server.listenAgain()
    expect(server.url).toBe(url)
    await using after = await connect(`${url}?${cursor(0)}`)
    expect(await after.got(2)).toEqual([1, 2])
  })

  test('another server can take over the address', async () => {
    const first = await openJetstreamServer()
    const { url } = first
    await first[Symbol.asyncDispose]()
    await using second = await openJetstreamServer({
      port: Number(new URL(url).port),
      flavour: 'v2',
    })
    expect(second.url).toBe(url)
  })

  test('dropAfter ends each connection after so many frames', async () => {
    await using server = await openJetstreamServer()
    server.append(...Array.from({ length: 1_000 }, (_, at) => post(at)))
    server.dropAfter(300)
    for (const from of [0, 300, 600]) {
      await using client = await connect(`${server.url}?${cursor(from)}`)
      expect((await client.closed).code).toBe(1006)
      expect(client.times).toEqual(Array.from({ length: 300 }, (_, n) => from + n))
    }
    expect(server.connections.map((each) => each.framesSent)).toEqual([300, 300, 300])
    server.dropAfter(Infinity)
    await using client = await connect(`${server.url}?${cursor(400)}`)
    expect(await client.got(600)).toHaveLength(600)
  })

  test('frames are repeated, far in the future, or very long', async () => {
    const ahead = faults.farFuture(post(2), 3_600_000_000)
    const frames = [...faults.repeated(post(1), 3), ahead, faults.oversize(post(3), 9_000_000)]
    expect(await received(frames, cursor(0))).toEqual([1, 1, 1, 3_600_000_002, 3])
    expect(await received(frames, cursor(3))).toEqual([3])
  })

  test('other paths are not found, and /subscribe is for WebSockets only', async () => {
    await using server = await openJetstreamServer()
    expect(await refused(server.url.replace('subscribe', 'other'))).toMatchObject({ status: 404 })
    const http = server.url.replace('ws:', 'http:')
    expect((await fetch(http)).status).toBe(426)
    expect((await fetch(http.replace('subscribe', ''))).status).toBe(404)
  })

  test('waiting for the nth connection gives that one', async () => {
    await using server = await openJetstreamServer()
    const second = server.waitForConnection(2)
    await using _first = await connect(`${server.url}?${cursor(1)}`)
    await using _second = await connect(`${server.url}?${cursor(2)}`)
    expect((await second).cursor).toBe(START_US + 2)
  })

  test('the end of the server ends whoever still waits for something', async () => {
    const server = await openJetstreamServer()
    const waiting = server.waitUntilSent().catch(String)
    await server[Symbol.asyncDispose]()
    expect(await waiting).toContain('the Jetstream server ended')
    await server[Symbol.asyncDispose]()
  })
})

/** Every way in which an event can break the syntax that a reader may rely on. */
function flaws(event: JetstreamEvent): string[] {
  const bad: string[] = []
  const check = (what: string, isGood: boolean) => (isGood ? undefined : bad.push(what))
  check('did', isValidDid(event.did))
  check('time_us', Number.isSafeInteger(event.time_us))
  if (event.kind !== 'commit') {
    const body = event.kind === 'account' ? event.account : event.identity
    check('own did', body.did === event.did)
    check('time', isValidDatetime(body.time))
    return bad
  }
  const { rev, operation, collection, rkey, record, cid } = event.commit
  check('rev', isValidTid(rev))
  check('collection', isValidNsid(collection))
  check('rkey', isValidRecordKey(rkey) && (rkey === 'self' || isValidTid(rkey)))
  if (operation === 'delete') {
    check('empty', record === undefined && cid === undefined)
    return bad
  }
  check('cid', isCidOf(cid ?? ''))
  check('type', record?.['$type'] === collection)
  check('createdAt', rkey === 'self' || isValidDatetime(record?.['createdAt']))
  const subject = record?.['subject']
  if (typeof subject === 'object' && subject !== null && 'uri' in subject) {
    check('subject', typeof subject.uri === 'string' && isValidAtUri(subject.uri))
  }
  return bad
}

/** In canonical form, of a DAG-CBOR record (or of a raw blob). */
function isCidOf(text: string, codec = 0x71): boolean {
  const cid = parseCid(text)
  return cid.toString() === text && cid.version === 1 && cid.code === codec && text.length === 59
}

describe('the builders', () => {
  test('every builder gives a valid event', () => {
    const subject = refTo(post(1))
    const at = { timeUs: START_US, rkey: tid(START_US) }
    const events = [...mixture(), deleteLike(at), repost({ ...at, subject }), updatePost(at)]
    expect(events.map(flaws)).toEqual(events.map(() => []))
  })

  test('facets mark the hashtags in UTF-8 bytes', () => {
    const event = createPost({ timeUs: START_US, text: 'Grüße 猫', tags: ['猫', 'café', 'art'] })
    const { text, facets } = event.commit.record as {
      text: string
      facets: { index: { byteStart: number; byteEnd: number } }[]
    }
    expect(text).toBe('Grüße 猫 #猫 #café #art')
    const marked = facets.map(({ index }) =>
      Buffer.from(text).subarray(index.byteStart, index.byteEnd).toString(),
    )
    expect(marked).toEqual(['#猫', '#café', '#art'])
  })

  test('record fields lie over what is built', () => {
    const { commit } = createPost({ timeUs: START_US, record: { langs: undefined, tags: ['x'] } })
    expect(JSON.parse(JSON.stringify(commit.record))).toEqual({
      $type: 'app.bsky.feed.post',
      createdAt: '2026-07-04T00:00:00.000Z',
      text: 'An invented post',
      tags: ['x'],
    })
  })

  test('a delete leaves nothing to point at', () => {
    expect(() => refTo(deleteLike({ timeUs: 1, rkey: 'x' }))).toThrow('no record')
    expect(() => tid(1.5)).toThrow(RangeError)
  })

  test('TIDs sort by time, then by clock', () => {
    const times = fc.nat({ max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(times, times, fc.nat(1023), fc.nat(1023), (a, b, first, second) => {
        const [left, right] = [tid(a, first), tid(b, second)]
        expect(isValidTid(left)).toBe(true)
        expect(left < right).toBe(a === b ? first < second : a < b)
      }),
    )
    expect(tid(1_783_175_888_085_434, 5)).toBe('3mptbyq5chu27')
  })

  test('invented names are valid, and different from each other', () => {
    const numbers = Array.from({ length: 20_000 }, (_, n) => n)
    expect(new Set(numbers.map(did)).size).toBe(numbers.length)
    expect(new Set(numbers.map(fakeCid)).size).toBe(numbers.length)
    expect(numbers.every((n) => isValidDid(did(n)) && did(n).length === 32)).toBe(true)
    expect(numbers.every((n) => isCidOf(fakeCid(n)))).toBe(true)
    expect(numbers.every((n) => isCidOf(fakeBlobCid(n), 0x55))).toBe(true)
  })
})

describe('the generated stream', () => {
  const events = (count: number, seed = 1): JetstreamEvent[] =>
    take(count, generateEvents({ seed, startUs: START_US, accounts: 500, rememberedPosts: 2_000 }))
  const created = (stream: JetstreamEvent[], collection: string) =>
    stream.flatMap((event) =>
      event.kind === 'commit' &&
      event.commit.operation === 'create' &&
      event.commit.collection === collection
        ? [event]
        : [],
    )

  test('the same seed gives the same stream, another seed another', () => {
    const text = JSON.stringify(events(3_000))
    expect(JSON.stringify(events(3_000)) === text).toBe(true)
    expect(JSON.stringify(events(3_000, 2)) === text).toBe(false)
    const frames = take(100, generateFrames({ seed: 3 }))
    const same = take(100, generateEvents({ seed: 3 }))
    expect(frames).toEqual(
      same.map((event) => ({ timeUs: event.time_us, data: JSON.stringify(event) })),
    )
  })

  test('all of 20,000 events are valid', () => {
    const stream = events(20_000)
    expect(stream.filter((event) => flaws(event).length > 0)).toEqual([])
    const posts = created(stream, 'app.bsky.feed.post')
    const bad = posts.filter(({ commit }) => {
      const record = lexParse(JSON.stringify(commit.record))
      return !app.bsky.feed.post.$safeParse(record).success
    })
    expect(bad.slice(0, 3)).toEqual([])
  })

  test('the mix and the sizes are those of the real network', () => {
    const stream = take(40_000, generateEvents({ seed: 5 }))
    const likes = created(stream, 'app.bsky.feed.like')
    const posts = created(stream, 'app.bsky.feed.post')
    const share = (part: unknown[], whole: unknown[] = stream) => part.length / whole.length
    const meanBytes = (part: JetstreamEvent[]) =>
      part.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0) / part.length
    expect(share(likes)).toBeCloseTo(0.69, 1)
    expect(share(posts)).toBeCloseTo(0.11, 1)
    expect(share(created(stream, 'app.bsky.feed.repost'))).toBeCloseTo(0.1, 1)
    expect(Math.abs(meanBytes(likes) - 529)).toBeLessThan(40)
    expect(Math.abs(meanBytes(posts) - 846)).toBeLessThan(60)
    const tagged = posts.filter(({ commit: { record } }) => {
      const hasTags = record?.['facets'] !== undefined || record?.['tags'] !== undefined
      return record?.['reply'] === undefined && hasTags
    })
    expect(share(tagged, posts)).toBeGreaterThan(0.09)
    expect(share(tagged, posts)).toBeLessThan(0.13)
    const seconds = ((stream.at(-1)?.time_us ?? 0) - (stream[0]?.time_us ?? 0)) / 1e6
    expect(stream.length / seconds).toBeCloseTo(350, -2)
    const text = JSON.stringify(stream)
    for (const part of ['images', 'gallery', 'video', 'external', 'record', 'recordWithMedia']) {
      expect(text).toContain(`"app.bsky.embed.${part}"`)
    }
    for (const part of ['#selfLabels', '"status":"deleted"', '"via":', '"tags":', '"reply":']) {
      expect(text).toContain(part)
    }
  })

  test('times and revisions increase, and commits fit what happened before', () => {
    const records = new Set<string>()
    const silent = new Set<string>()
    const revs = new Map<string, string>()
    let lastUs = START_US - 1
    for (const event of events(30_000)) {
      expect(event.time_us).toBeGreaterThan(lastUs)
      lastUs = event.time_us
      if (event.kind === 'account') {
        silent[event.account.active ? 'delete' : 'add'](event.did)
      }
      if (event.kind !== 'commit') {
        continue
      }
      const { rev, operation, collection, rkey } = event.commit
      const uri = `at://${event.did}/${collection}/${rkey}`
      expect(silent.has(event.did)).toBe(false)
      expect(rev > (revs.get(event.did) ?? '')).toBe(true)
      expect(records.has(uri)).toBe(operation !== 'create' && rkey !== 'self')
      revs.set(event.did, rev)
      if (operation === 'delete') {
        records.delete(uri)
      } else if (rkey !== 'self') {
        records.add(uri)
      }
    }
    expect(silent.size).toBeGreaterThan(0)
  })

  test('likes go to earlier posts, and mostly to late ones', () => {
    const seen = new Map<string, number>()
    const ages: number[] = []
    for (const event of events(30_000)) {
      if (event.kind !== 'commit' || event.commit.operation === 'delete') {
        continue
      }
      const { uri } = refTo(event)
      const { collection, record } = event.commit
      if (collection === 'app.bsky.feed.post' && event.commit.operation === 'create') {
        seen.set(uri, seen.size)
      } else if (collection === 'app.bsky.feed.like') {
        const subject = record?.['subject'] as { uri: string }
        ages.push(seen.size - 1 - (seen.get(subject.uri) ?? Infinity))
      }
    }
    expect(ages.every(Number.isFinite)).toBe(true)
    expect(ages.filter((age) => age < 500).length / ages.length).toBeGreaterThan(0.5)
  })

  test('shares can be changed', () => {
    const shares = { like: 0, repost: 0, follow: 0, delete: 0, update: 0, block: 0 }
    const options = { shares: { ...shares, identity: 0, account: 0 }, taggedShare: 1 }
    const stream = take(500, generateEvents(options))
    expect(created(stream, 'app.bsky.feed.post')).toHaveLength(500)
    expect(stream.every((event) => JSON.stringify(event).match(/#tag"|"tags"/))).toBe(true)
  })

  test('a list of nothing has nothing to pick', () => {
    expect(() => createRandom(1).pick([])).toThrow(RangeError)
  })
})
