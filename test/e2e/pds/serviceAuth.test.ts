import { IdResolver } from '@atproto/identity'
import { verifyJwt } from '@atproto/xrpc-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGuardedFetch } from '../../../src/identity/guardedFetch.ts'
import { createPost } from '../../support/events.ts'
import { openJetstreamServer } from '../../support/jetstreamServer.ts'
import { runApp } from '../../support/runApp.ts'
import type { RunningApp } from '../../support/runApp.ts'
import { openPdsNetwork } from './network.ts'
import type { PdsAccount, PdsNetwork } from './network.ts'
import { HOSTNAME, SERVICE_DID, oneFeed } from './publisherBench.ts'

const METHOD = 'app.bsky.feed.getFeedSkeleton'
const stack = new AsyncDisposableStack()
const timeUs = (Date.now() - 5_000) * 1_000

let network: PdsNetwork
let reader: PdsAccount
let app: RunningApp
beforeAll(async () => {
  network = stack.use(await openPdsNetwork())
  const publisher = await network.createAccount()
  reader = await network.createAccount()
  const jetstream = stack.use(await openJetstreamServer())
  app = stack.use(
    await runApp({
      feeds: oneFeed(),
      env: {
        FEEDGEN_HOSTNAME: HOSTNAME,
        FEEDGEN_PUBLISHER_DID: publisher.did,
        FEEDGEN_JETSTREAM_URLS: jetstream.url,
        FEEDGEN_PLC_URL: network.plcUrl,
        FEEDGEN_ALLOW_LOCAL_NETWORK: 'true',
      },
    }),
  )
  await jetstream.waitForConnection()
  jetstream.append(createPost({ timeUs, tags: ['art'] }))
  await app.untilCommitted(timeUs)
})
afterAll(() => stack.disposeAsync())

/** A token as the PDS gives it to a reader's app. */
async function issueToken(params: Record<string, string>): Promise<string> {
  const nsid = 'com.atproto.server.getServiceAuth'
  const { token } = await network.call(nsid, { params, token: reader.token })
  return String(token)
}

async function ask(token?: string) {
  const query = new URLSearchParams({ feed: app.feedUri('art') }).toString()
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await app.get(`/xrpc/${METHOD}?${query}`, { headers })
  return { status: response.status, body: await response.json() }
}

describe('a feed that is the same for everybody', () => {
  test.each([SERVICE_DID, `${SERVICE_DID}#bsky_fg`])(
    'answers a reader with a token that the PDS made for %s',
    async (aud) => {
      const token = await issueToken({ aud, lxm: METHOD })
      // The token is what it seems: signed with the key that the directory names for the reader.
      const fetch = createGuardedFetch({ allowLocalNetwork: true })
      const resolver = new IdResolver({ plcUrl: network.plcUrl, fetch })
      const resolveKey = (did: string, isForced: boolean): Promise<string> =>
        resolver.did.resolveAtprotoKey(did, isForced)
      const claims = await verifyJwt(token, aud, METHOD, resolveKey)
      expect(claims).toMatchObject({ iss: reader.did, aud, lxm: METHOD })

      const answer = await ask(token)
      expect(answer.status).toBe(200)
      expect(answer.body).toMatchObject({ feed: [{ post: expect.stringMatching(/^at:/u) }] })
      expect(answer).toEqual(await ask())
    },
  )

  test.each([
    ['for another service', () => issueToken({ aud: 'did:web:other.dev', lxm: METHOD })],
    ['for another method', () => issueToken({ aud: SERVICE_DID, lxm: 'app.bsky.feed.getFeed' })],
    ['for no method', () => issueToken({ aud: SERVICE_DID })],
    [
      'with a broken signature',
      async () => `${(await issueToken({ aud: SERVICE_DID, lxm: METHOD })).slice(0, -4)}AAAA`,
    ],
    ['that is none', () => Promise.resolve('a.b.c')],
    ['of a session', () => Promise.resolve(reader.token)],
  ])('ignores a token %s', async (_name, make) => {
    expect(await ask(await make())).toEqual(await ask())
  })
})
