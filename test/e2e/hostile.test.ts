import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  HOSTILE_FEEDS,
  alarms,
  findTargets,
  residentBytes,
  sendHostileFrames,
  sendHostileRequests,
} from '../hostile/campaign.ts'
import type { RequestReport } from '../hostile/campaign.ts'
import { monsters } from '../hostile/hostileFrames.ts'
import { exchange, openSilently } from '../hostile/rawHttp.ts'
import { createPost, did } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { until } from '../support/until.ts'

/** `node scripts/dev/fuzz.ts` runs the same for longer, with other seeds. */
const SEED = 7
const WARM_FRAMES = 4_000
const FRAMES = 16_000
const REQUESTS = 6_000
const MB = 1_000_000

const startUs = (): number => (Date.now() - 3_600_000) * 1000

async function openService(stack: AsyncDisposableStack) {
  const jetstream = stack.use(await openJetstreamServer())
  const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url }
  const app = stack.use(await runApp({ feeds: HOSTILE_FEEDS, env }))
  return { jetstream, app }
}

/** The time that a page takes, as a reader sees it. */
async function pageMs(app: RunningApp, limit: number): Promise<number> {
  const startedAt = performance.now()
  await app.page('good', { limit })
  return performance.now() - startedAt
}

describe('a service under hostile input', () => {
  const stack = new AsyncDisposableStack()
  let app: RunningApp
  let jetstream: JetstreamServer
  let requests: RequestReport
  let halfOpen: Socket[]

  const adopt = (socket: Socket): Socket =>
    stack.adopt(socket, (open) => {
      open.destroy()
    })
  /** Connections that send a byte now and then, and never a whole request. */
  function openHalf(port: number): Socket[] {
    const sockets = Array.from({ length: 400 }, () =>
      adopt(openSilently(port, 'GET / HTTP/1.1\r\nHost: ')).resume(),
    )
    const drip = setInterval(() => sockets.forEach((socket) => socket.write('x')), 500)
    stack.defer(() => {
      clearInterval(drip)
    })
    return sockets
  }

  beforeAll(async () => {
    ;({ app, jetstream } = await openService(stack))
    halfOpen = openHalf(Number(new URL(app.url).port))
  })
  afterAll(() => stack.disposeAsync())

  test('keeps every good post between hostile frames', async () => {
    const from = startUs()
    const first = { seed: SEED, frames: WARM_FRAMES, startUs: from }
    const warm = await sendHostileFrames(app, jetstream, first)
    const before = await residentBytes(app)
    const second = { seed: SEED + 1, frames: FRAMES, startUs: from + (WARM_FRAMES + 1) * 1_000 }
    const { good, rejected, frames } = await sendHostileFrames(app, jetstream, second)
    expect(await app.walk('good')).toEqual([...good, ...warm.good])
    // Enough of them are wrong to be rejected, and enough are right to be looked into.
    expect(rejected).toBeGreaterThan(frames / 10)
    expect(rejected).toBeLessThan(frames * 0.9)
    const hostile = await app.walk('hostile')
    expect(hostile.length).toBeGreaterThan(10)
    expect(new Set(hostile).size).toBe(hostile.length)
    expect((await residentBytes(app)) - before).toBeLessThan(300 * MB)
    expect((await app.health()).ingest).toMatchObject({ reconnectsTotal: 0, problem: null })
    expect(alarms(app)).toEqual([])
  })

  test('answers every hostile request with less than a 500, in JSON', async () => {
    const targets = await findTargets(app)
    const before = await residentBytes(app)
    requests = await sendHostileRequests(app, targets, { seed: SEED, requests: REQUESTS })
    expect(requests.violations).toEqual([])
    expect(requests.byStatus['200']).toBeGreaterThan(REQUESTS / 20)
    expect(requests.byStatus['400']).toBeGreaterThan(REQUESTS / 20)
    // Each of these has something after it that was not sent, or is no HTTP.
    expect(requests.unanswered).toBeLessThan(REQUESTS / 20)
    expect((await residentBytes(app)) - before).toBeLessThan(200 * MB)
    expect(alarms(app)).toEqual([])
  })

  test('answers in JSON also what is not quite HTTP', async () => {
    const port = Number(new URL(app.url).port)
    const path = '/xrpc/app.bsky.feed.getFeedSkeleton'
    const heads = [
      `GET ${path}?${'a'.repeat(30_000)} HTTP/1.1\r\nHost: x`,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(30_000)}`,
      `GET ${path} HTTP/1.1`,
      `FOO ${path} HTTP/1.1\r\nHost: x`,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nExpect: nothing`,
    ]
    const judged = await Promise.all(
      heads.map(async (head) => {
        const bytes = Buffer.from(`${head}\r\n\r\n`)
        const [answer] = (await exchange(bytes, { port, heads: [false] })).answers
        const isJson = /^\{"error":"\w+","message":"[^"]+"\}$/.test(answer?.body ?? '')
        return { head: head.slice(0, 120), status: answer?.status, isJson }
      }),
    )
    expect(judged.filter(({ isJson }) => !isJson)).toEqual([])
    expect(requests.bare).toEqual({})
  })

  test('logs no error for what is only a strange request', () => {
    const errors = app.logs.filter(({ event }) => event === 'requestFailed')
    expect(errors.slice(0, 3)).toEqual([])
  })

  test('serves others quickly while clients ask for much and read nothing', async () => {
    const before = await residentBytes(app)
    const feed = encodeURIComponent(app.feedUri('good'))
    const path = `/xrpc/app.bsky.feed.getFeedSkeleton?feed=${feed}&limit=100`
    const request = `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
    const port = Number(new URL(app.url).port)
    const deaf = Array.from({ length: 30 }, () => adopt(openSilently(port, request.repeat(1_000))))
    deaf.forEach((socket) => socket.pause())
    const tookMs: number[] = []
    for (let reads = 0; reads < 200; reads += 1) {
      tookMs.push(await pageMs(app, 1 + (reads % 100)))
    }
    expect(Math.max(...tookMs)).toBeLessThan(2_000)
    expect(tookMs.sort((a, b) => a - b)[180]).toBeLessThan(200)
    expect((await residentBytes(app)) - before).toBeLessThan(200 * MB)
    expect(alarms(app)).toEqual([])
  })

  test('passes over binary frames, the very first frame among them', async () => {
    await using own = new AsyncDisposableStack()
    const { jetstream, app } = await openService(own)
    const fromUs = startUs()
    const last = createPost({ timeUs: fromUs + 2_000, did: did(1), tags: ['good'] })
    const compressed = Buffer.from('28b52ffd2004', 'hex')
    const text = Buffer.from(JSON.stringify(last))
    jetstream.append(
      { timeUs: fromUs, data: compressed, binary: true },
      { timeUs: fromUs + 1_000, data: text, binary: true },
      last,
    )
    await until(async () => (await app.walk('good')).length > 0 || alarms(app).length > 0, 10_000)
    expect(alarms(app)).toEqual([])
    expect(await app.walk('good')).toHaveLength(1)
    await until(async () => (await app.health()).ingest.rejectedTotal === 2)
  })

  /** Of frames with posts of more than 200 tags; all of the others. */
  const KEPT: Readonly<Record<string, number>> = {
    'numbers of facets and tags': 2,
    'rows that are made of one frame': 0,
  }

  describe('costs the stream nothing by one frame of unheard-of', { concurrent: true }, () => {
    test.each(Object.keys(monsters(1)))(
      '%s',
      async (name) => {
        await using own = new AsyncDisposableStack()
        const { jetstream, app } = await openService(own)
        const fromUs = startUs()
        const frames = monsters(fromUs)[name] ?? []
        const last = createPost({ timeUs: fromUs + 1_000_000, did: did(1), tags: ['good'] })
        jetstream.append(...frames, last)
        await until(
          async () =>
            ((await app.health()).ingest.positionUs ?? 0) >= last.time_us || alarms(app).length > 0,
          50_000,
        )
        expect(alarms(app)).toEqual([])
        expect(await app.walk('good')).toHaveLength(1)
        expect(await app.walk('hostile')).toHaveLength(KEPT[name] ?? frames.length)
      },
      60_000,
    )
  })

  test('lets go of connections that never finish a request, whatever the client does', async () => {
    // A head may take 10 s, which is looked at every 5 s. The client does not close: it is cut off.
    await until(() => halfOpen.every(({ destroyed }) => destroyed), 30_000)
    expect(await pageMs(app, 1)).toBeLessThan(1_000)
  }, 60_000)

  test('has not ended in the meantime, and ends as it should', async () => {
    expect(alarms(app)).toEqual([])
    expect(await app.stop()).toBe(0)
    expect(app.stderr()).toBe('')
  })
})
