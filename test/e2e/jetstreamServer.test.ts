import { once } from 'node:events'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accountEvent, createPost, did, like, refTo, repost } from '../support/events.ts'
import {
  START_US,
  connect,
  cursor,
  mixture,
  post,
  received,
  refused,
} from '../support/jetstreamClient.ts'
import { faults, openJetstreamServer } from '../support/jetstreamServer.ts'

const update = (payload: unknown): string => JSON.stringify({ type: 'options_update', payload })

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
