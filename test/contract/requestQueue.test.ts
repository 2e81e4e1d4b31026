import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Asked } from '../../src/queue/clientConnection.ts'
import { openQueuedServer, readAll } from '../support/queuedServer.ts'
import { until } from '../support/until.ts'

const PATHS = ['/', '/metrics', '/ready', '/xrpc/app.bsky.feed.getFeedSkeleton', '/nothing']
const get = (path: string, rest = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${rest}\r\n`
const statusesOf = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))

function answerWith({ response }: Asked, body = 'x'): void {
  response.writeHead(200, { 'content-length': body.length })
  response.end(body)
}

describe('a connection', { concurrent: true }, () => {
  test('has one request worked on at a time, on every route, and its answers in order', async () => {
    const asked = { now: 0, most: 0 }
    await using server = await openQueuedServer({
      answer: (each) => {
        asked.now += 1
        asked.most = Math.max(asked.most, asked.now)
        setTimeout(() => {
          asked.now -= 1
          answerWith(each, each.request.url)
        }, 1)
      },
    })
    const wanted = Array.from({ length: 100 }, (_, index) => `${PATHS[index % 5]}?${index}!`)
    const last = get('/last', 'Connection: close\r\n')
    const text = await readAll(server.open(wanted.map((path) => get(path)).join('') + last))
    expect([...text.matchAll(/\r\n\r\n(\/[^!]*!)/g)].map(([, body]) => body)).toEqual(wanted)
    expect(asked).toEqual({ now: 0, most: 1 })
  })

  test('that sends thousands of requests and reads nothing has few of them answered', async () => {
    let answered = 0
    const body = 'x'.repeat(1_000_000)
    await using server = await openQueuedServer({
      answer: (each) => {
        answered += 1
        answerWith(each, body)
      },
    })
    const deaf = server.open(get('/').repeat(900)).pause()
    await until(() => answered > 0)
    await delay(200)
    // What the buffers of the system hold, and one more.
    expect(answered).toBeLessThan(30)
    deaf.destroy()
    const flood = server.open('GET / HTTP/1.1\r\n\r\n'.repeat(3_600)).pause()
    await until(async () => answered > 0 && (await server.connections()) === 0)
    expect(answered).toBeLessThan(60)
    flood.destroy()
  })

  test('that speaks no HTTP is told so and let go, whatever the client does', async () => {
    await using server = await openQueuedServer({ answer: answerWith })
    const rubbish = [
      '\x16\x03\x01\x02\x00\x01\x00',
      'GET\r\n\r\n',
      get('/', `X: ${'a'.repeat(30_000)}\r\n`),
    ]
    const sockets = Array.from({ length: 30 }, (_, index) => server.open(rubbish[index % 3]))
    const texts = await Promise.all(sockets.map(readAll))
    expect(new Set(texts.flatMap(statusesOf))).toEqual(new Set([400, 431]))
    expect(texts.filter((text) => !text.endsWith('"}'))).toEqual([])
    await until(async () => (await server.connections()) === 0, 5_000)
  })

  test('gets the answer to a good request before it is told that the rest is no HTTP', async () => {
    await using server = await openQueuedServer({
      answer: (each) => {
        setTimeout(() => answerWith(each, 'good'), 50)
      },
    })
    const text = await readAll(server.open(`${get('/')}${get('/')}rubbish\r\n\r\n`))
    expect(statusesOf(text)).toEqual([200, 200, 400])
    expect(text.split('good')).toHaveLength(3)
    await until(async () => (await server.connections()) === 0, 5_000)
  })

  test('whose request breaks off in its body is let go without a second answer', async () => {
    await using server = await openQueuedServer({ answer: answerWith })
    const broken = get('/', 'Transfer-Encoding: chunked\r\n')
    const text = await readAll(server.open(`${broken}5\r\nhello\r\nzz`))
    expect(statusesOf(text)).toHaveLength(1)
    await until(async () => (await server.connections()) === 0, 5_000)
  })
})

describe('an answer', { concurrent: true, retry: 2 }, () => {
  test('that takes four seconds is an error with Retry-After, and work for it stops', async () => {
    const asked: Asked[] = []
    const late: Asked[] = []
    await using server = await openQueuedServer({
      answer: (each) => void asked.push(each),
      late: (each) => void late.push(each),
    })
    const startedAt = performance.now()
    const response = await fetch(`http://127.0.0.1:${server.port}/xrpc/x`)
    expect(performance.now() - startedAt).toBeLessThan(4_500)
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await response.json()).toMatchObject({ error: 'ServiceUnavailable' })
    expect(asked.map(({ isOver }) => isOver)).toEqual([true])
    expect(late).toEqual(asked)
  })

  test('that nobody waits for any more is counted, and never begun when it waits', async () => {
    const asked: Asked[] = []
    const abandoned: string[] = []
    await using server = await openQueuedServer({
      answer: (each) => void asked.push(each),
      abandoned: ({ request }) => void abandoned.push(request.url ?? ''),
    })
    // As many as are worked on at a time; the others wait.
    const sockets = Array.from({ length: 300 }, () => server.open())
    await until(async () => (await server.connections()) === 300)
    sockets.forEach((socket, index) => socket.write(get(`/xrpc/${index}`)))
    await until(() => asked.length >= 256)
    sockets.forEach((socket) => socket.destroy())
    await until(() => abandoned.length === 300)
    // Their turn has come by then.
    await nextTurn()
    expect(asked.every(({ isOver }) => isOver)).toBe(true)
    expect(asked).toHaveLength(256)
    expect(new Set(abandoned).size).toBe(300)
  })

  test('to a request that comes while pages for people are worked on does not wait for them', async () => {
    const order: string[] = []
    await using server = await openQueuedServer({
      answer: (each) => {
        const { url = '' } = each.request
        const endsAt = performance.now() + (url === '/' ? 8 : 0)
        while (performance.now() < endsAt) {
          // The work of a page.
        }
        order.push(url)
        answerWith(each)
      },
    })
    const pages = Array.from({ length: 20 }, () => server.open())
    const reader = server.open()
    await until(async () => (await server.connections()) === 21)
    pages.forEach((page) => page.write(get('/')))
    reader.write(get('/xrpc/x'))
    await until(() => order.length === 21)
    expect(order.indexOf('/xrpc/x')).toBeLessThan(5)
  })
})
