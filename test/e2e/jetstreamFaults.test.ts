import { once } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createPost } from '../support/events.ts'
import { START_US, connect, cursor, post, received, refused } from '../support/jetstreamClient.ts'
import { faults, openJetstreamServer } from '../support/jetstreamServer.ts'
import { generateFrames, take } from '../support/streamGenerator.ts'

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
