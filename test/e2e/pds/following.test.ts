import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPost, deleteRecord, did, follow } from '../../support/events.ts'
import { openJetstreamServer } from '../../support/jetstreamServer.ts'
import type { JetstreamServer } from '../../support/jetstreamServer.ts'
import { runApp } from '../../support/runApp.ts'
import type { RunningApp, SkeletonPage } from '../../support/runApp.ts'
import { until } from '../../support/until.ts'
import { openPdsNetwork } from './network.ts'
import type { PdsAccount, PdsNetwork } from './network.ts'
import { HOSTNAME, SERVICE_DID } from './publisherBench.ts'

const METHOD = 'app.bsky.feed.getFeedSkeleton'
const FOLLOW = 'app.bsky.graph.follow'
const FEEDS = 'feeds:\n  - { rkey: mine, name: Mine, tags: [art], order: following }\n'
const stack = new AsyncDisposableStack()
let timeUs = (Date.now() - 60_000) * 1_000

let network: PdsNetwork
let jetstream: JetstreamServer
let app: RunningApp
beforeAll(async () => {
  network = stack.use(await openPdsNetwork())
  const publisher = await network.createAccount()
  jetstream = stack.use(await openJetstreamServer())
  app = stack.use(
    await runApp({
      feeds: FEEDS,
      env: {
        FEEDGEN_HOSTNAME: HOSTNAME,
        FEEDGEN_PUBLISHER_DID: publisher.did,
        FEEDGEN_JETSTREAM_URLS: jetstream.url,
        FEEDGEN_PLC_URL: network.plcUrl,
        FEEDGEN_ALLOW_LOCAL_NETWORK: 'true',
      },
    }),
  )
  jetstream.appendAll(
    Array.from({ length: 20 }, (_, index) =>
      createPost({ timeUs: (timeUs += 1_000), did: did(index), tags: ['art'] }),
    ),
  )
  await app.untilCommitted(timeUs)
})
afterAll(() => stack.disposeAsync())

async function read(viewer: PdsAccount): Promise<{ status: number; authors: string[] }> {
  const params = { aud: SERVICE_DID, lxm: METHOD }
  const nsid = 'com.atproto.server.getServiceAuth'
  const { token } = await network.call(nsid, { params, token: viewer.token })
  const query = new URLSearchParams({ feed: app.feedUri('mine'), limit: '100' }).toString()
  const headers = { authorization: `Bearer ${String(token)}` }
  const response = await app.get(`/xrpc/${METHOD}?${query}`, { headers })
  const { feed = [] } = (await response.json()) as Partial<SkeletonPage>
  return { status: response.status, authors: feed.map(({ post }) => post.split('/')[2] ?? '') }
}

/** Follows as an app writes them; returns their record keys. */
async function followAll(viewer: PdsAccount, subjects: readonly string[]): Promise<string[]> {
  const rkeys: string[] = []
  for (let from = 0; from < subjects.length; from += 200) {
    const writes = subjects.slice(from, from + 200).map((subject) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: FOLLOW,
      value: { $type: FOLLOW, subject, createdAt: new Date().toISOString() },
    }))
    const input = { repo: viewer.did, writes }
    const { results } = (await network.call('com.atproto.repo.applyWrites', {
      input,
      token: viewer.token,
    })) as { results: { uri: string }[] }
    rkeys.push(...results.map(({ uri }) => uri.split('/').at(-1) ?? ''))
  }
  return rkeys
}

describe('a following feed, of a viewer on a real PDS', { timeout: 60_000 }, () => {
  test('has the posts of those whom they follow, and follows the stream', async () => {
    const viewer = await network.createAccount()
    const [first = ''] = await followAll(viewer, [did(3), did(5)])
    expect(await read(viewer)).toEqual({ status: 200, authors: [did(5), did(3)] })
    const again = follow({ timeUs: (timeUs += 1_000), did: viewer.did, subject: did(7) })
    jetstream.append(again)
    await until(async () => (await read(viewer)).authors.length === 3)
    jetstream.append(
      deleteRecord(FOLLOW, { timeUs: (timeUs += 1_000), did: viewer.did, rkey: first }),
    )
    await until(async () => (await read(viewer)).authors.join() === [did(7), did(5)].join())
  })

  test('finds all of a list of many pages', async () => {
    const viewer = await network.createAccount()
    const subjects = Array.from({ length: 1_250 }, (_, index) => did(10_000 + index))
    subjects[0] = did(1)
    subjects[625] = did(2)
    subjects[1_249] = did(4)
    await followAll(viewer, subjects)
    const { status, authors } = await read(viewer)
    expect(status).toBe(200)
    expect(authors).toEqual([did(4), did(2), did(1)])
  })

  test('is empty for one who follows nobody', async () => {
    expect(await read(await network.createAccount())).toEqual({ status: 200, authors: [] })
  })
})
