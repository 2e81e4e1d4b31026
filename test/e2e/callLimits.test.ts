import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { did } from '../support/events.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { openViewerNetwork } from '../support/viewerNetwork.ts'
import type { ViewerNetwork } from '../support/viewerNetwork.ts'

const METHOD = 'app.tagfeed.getPosts'
const PATH = `/xrpc/${METHOD}?tags=art&limit=1`
const PER_MINUTE = 600
const stack = new AsyncDisposableStack()

let app: RunningApp
let network: ViewerNetwork
beforeAll(async () => {
  network = stack.use(await openViewerNetwork('did:web:feeds.example.com'))
  ;[did(1), did(2), did(3)].forEach((viewer) => network.join(viewer))
  app = stack.use(
    await runApp({
      feeds: 'feeds:\n  - { rkey: art, name: Art, tags: [art] }\n',
      env: {
        ...network.env,
        FEEDGEN_HOSTNAME: 'feeds.example.com',
        FEEDGEN_PUBLISHER_DID: did(900),
        FEEDGEN_TRUSTED_PROXIES: '127.0.0.1',
      },
    }),
  )
})
afterAll(() => stack.disposeAsync())

interface Caller {
  readonly address: string
  readonly authorization?: string
}

function call({ address, authorization }: Caller): Promise<Response> {
  const headers = { 'x-forwarded-for': address, ...(authorization && { authorization }) }
  return app.get(PATH, { headers })
}

/** So many calls, a few at a time; how many had each status. */
async function callOften(caller: Caller, times: number): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {}
  for (let done = 0; done < times; done += 20) {
    const some = Array.from({ length: Math.min(20, times - done) }, () => call(caller))
    for (const response of await Promise.all(some)) {
      await response.arrayBuffer()
      statuses[response.status] = (statuses[response.status] ?? 0) + 1
    }
  }
  return statuses
}

describe('calls of app.tagfeed', () => {
  test('without a token are counted by address', async () => {
    const first = await call({ address: '192.0.2.1' })
    expect(first.status).toBe(200)
    const named = ['limit', 'remaining', 'policy'].map((n) => first.headers.get(`ratelimit-${n}`))
    expect(named).toEqual(['600', '599', '600;w=60'])
    const reset = Number(first.headers.get('ratelimit-reset')) - Date.now() / 1_000
    expect(reset).toBeGreaterThan(50)
    expect(reset).toBeLessThan(62)
    expect(await callOften({ address: '192.0.2.1' }, PER_MINUTE)).toEqual({ 200: 599, 429: 1 })
    const refused = await call({ address: '192.0.2.1' })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused.headers.get('ratelimit-remaining')).toBe('0')
    expect(((await refused.json()) as { error: string }).error).toBe('RateLimitExceeded')
    expect((await call({ address: '192.0.2.2' })).status).toBe(200)
  })

  test('with a token are counted by viewer, wherever they come from', async () => {
    const authorization = network.bearer(did(1), METHOD)
    const here = { address: '192.0.2.3', authorization }
    const there = { address: '192.0.2.4', authorization }
    expect(await callOften(here, 400)).toEqual({ 200: 400 })
    expect(await callOften(there, 250)).toEqual({ 200: 200, 429: 50 })
    const other = { address: '192.0.2.3', authorization: network.bearer(did(2), METHOD) }
    expect((await call(other)).status).toBe(200)
    expect((await call({ address: '192.0.2.3' })).status).toBe(200)
  })

  test('with a bad token cost the address, and nobody whose name they bear', async () => {
    const forged = network.bearer(did(3), METHOD).replace(/.{8}$/u, 'AAAAAAAA')
    const bad = { address: '192.0.2.5', authorization: forged }
    expect(await callOften(bad, PER_MINUTE + 1)).toEqual({ 401: 600, 429: 1 })
    const good = { address: '192.0.2.5', authorization: network.bearer(did(3), METHOD) }
    expect((await call(good)).headers.get('ratelimit-remaining')).toBe('599')
  })
})
