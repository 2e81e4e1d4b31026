import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { accountEvent, createPost, did, identityEvent } from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { openLocalServer } from '../support/localServer.ts'
import { runApp } from '../support/runApp.ts'
import { until } from '../support/until.ts'

const S = 1_000_000
const START = Date.now() * 1000 - 3_600 * S
const [BACK, AWAY, TAKEN, LIED, SOON] = [1, 2, 3, 4, 5].map(did) as [
  string,
  string,
  string,
  string,
  string,
]

/** A directory of DIDs and a PDS in one; notes for whom it was asked. */
async function openNetwork() {
  const asked: string[] = []
  const server = await openLocalServer((request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://localhost')
    const about = decodeURIComponent(url.searchParams.get('did') ?? url.pathname.slice(1))
    response.setHeader('content-type', 'application/json')
    if (url.pathname === '/xrpc/com.atproto.sync.getRepoStatus') {
      asked.push(about)
      const active = about !== AWAY
      response.end(JSON.stringify({ did: about === LIED ? BACK : about, active }))
      return
    }
    const endpoint = { id: '#atproto_pds', type: 'AtprotoPersonalDataServer' }
    response.end(
      JSON.stringify({
        '@context': ['https://www.w3.org/ns/did/v1'],
        id: about,
        service: [{ ...endpoint, serviceEndpoint: `http://localhost:${port()}` }],
      }),
    )
  })
  const port = (): number => server.port
  return { url: server.url, asked, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

test('an account that is deactivated and goes on writing is shown again if its own server says so', async () => {
  await using network = await openNetwork()
  await using jetstream = await openJetstreamServer()
  const env = {
    FEEDGEN_JETSTREAM_URLS: jetstream.url,
    FEEDGEN_ALLOW_LOCAL_NETWORK: 'true',
    FEEDGEN_PLC_URL: network.url,
  }
  const feeds = 'feeds: [{ rkey: art, name: Art, tags: [art] }]'
  await using app = await runApp({ env, feeds })
  const hide = (who: string, status: string) =>
    accountEvent({ timeUs: START + S, did: who, active: false, status })
  const write = (who: string, afterS: number, tags = ['art']) =>
    createPost({ timeUs: START + afterS * S, did: who, tags })
  const publish = async (...events: readonly JetstreamEvent[]) => {
    const last = events.at(-1)?.time_us ?? 0
    jetstream.append(...events, identityEvent({ timeUs: last + 1, did: did(0) }))
    await app.untilCommitted(last)
  }
  const before = [BACK, AWAY, TAKEN, LIED, SOON].map((who) => write(who, 0))
  const hidden = [BACK, AWAY, LIED, SOON].map((who) => hide(who, 'deactivated'))
  await publish(...before, ...hidden, hide(TAKEN, 'takendown'))
  expect(await app.walk('art')).toEqual([])
  await publish(write(SOON, 50), write(BACK, 62, []), write(TAKEN, 63), write(LIED, 64))
  await publish(write(AWAY, 65))
  await until(async () => network.asked.length === 3 && (await app.walk('art')).length > 0)
  const shown = `at://${BACK}/app.bsky.feed.post/${before[0]?.commit.rkey}`
  expect(await app.walk('art')).toEqual([shown])
  expect([...network.asked].sort()).toEqual([BACK, AWAY, LIED].sort())
  // Each is asked for once in a while, and a replay of what is known changes nothing.
  await publish(...hidden, write(AWAY, 70), write(LIED, 71))
  expect(await app.walk('art')).toHaveLength(1)
  await publish(accountEvent({ timeUs: START + 80 * S, did: BACK, active: false }))
  expect(await app.walk('art')).toEqual([])
  expect(network.asked).toHaveLength(3)
  expect(app.logs.filter(({ event }) => event === 'accountFoundActive')).toHaveLength(1)
})
