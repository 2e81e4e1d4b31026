import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { accountEvent, createPost, deletePost, did, fakeCid } from '../support/events.ts'
import { updatePost } from '../support/events.ts'
import type { CommitEvent, JetstreamEvent, PostOptions } from '../support/events.ts'
import { runApp } from '../support/runApp.ts'
import {
  PUBLISHER,
  checkPage,
  createClock,
  postsOf,
  readPages,
  startService,
  uriOf,
  yamlOf,
} from '../support/skeletonService.ts'
import type { Service } from '../support/skeletonService.ts'

const SECOND = 1_000_000
const HOUR = 3600 * SECOND

/** The moment as a lexicon datetime, in microseconds. */
const datetimeUs = (us: number): string =>
  `${new Date(Math.floor(us / 1000)).toISOString().slice(0, -1)}${String(us % 1000).padStart(3, '0')}Z`

interface Place {
  readonly uri: string
  readonly indexedAt: number
  readonly cid: string
}

const compareBytes = (left: string, right: string): number =>
  Buffer.compare(Buffer.from(left), Buffer.from(right))

/** Section 4: `indexed_at`, then `cid`, then `uri`, all descending. */
const inOrder = (places: readonly Place[]): string[] =>
  places
    .toSorted(
      (a, b) =>
        b.indexedAt - a.indexedAt || compareBytes(b.cid, a.cid) || compareBytes(b.uri, a.uri),
    )
    .map(({ uri }) => uri)

describe('walking a feed', () => {
  const stack = new AsyncDisposableStack()
  const clock = createClock()
  const baseUs = clock() - HOUR
  const authors = [did(1), did(2), did(3), 'did:web:posts.example', did(4)]
  // By bytes capitals come before small letters, and a text comes before any longer one.
  const cids = [fakeCid(1), 'abcdefgh', 'abcdefghi', 'Zbcdefgh', fakeCid(2)]
  const prefixes = ['a', 'A', '_', '~', '-', 'aa', 'Z', '.']
  const places: Place[] = []

  /** Few times and few cids for many posts: equal records in several repositories, and in one. */
  const post = (n: number, tags: string[]): CommitEvent => {
    const indexedAt = baseUs + ((n * 7) % 5) * SECOND + ((n * 3) % 2)
    const event = createPost({
      timeUs: clock(),
      did: authors[(n * 11) % authors.length] ?? '',
      rkey: `${prefixes[n % prefixes.length]}${n % 13}x${n}`,
      cid: cids[(n * 13) % 3] ?? '',
      tags,
      record: { createdAt: datetimeUs(indexedAt) },
    })
    if (tags.includes('walk')) {
      places.push({ uri: uriOf(event), indexedAt, cid: event.commit.cid ?? '' })
    }
    return event
  }

  let service: Service
  let expected: string[]

  beforeAll(async () => {
    const feeds = yamlOf({ walk: 'tags: [walk]', six: 'tags: [six]' })
    service = stack.use(await startService({ feeds }))
    const events = Array.from({ length: 200 }, (_, n) => post(n, n % 5 === 4 ? ['no'] : ['walk']))
    const six = Array.from({ length: 6 }, () => createPost({ timeUs: clock(), tags: ['six'] }))
    // One post from the future, one without a readable time: both count as of their event.
    const odd = ['2999-01-01T00:00:00.000Z', 'yesterday'].map((createdAt) => {
      const event = createPost({ timeUs: clock(), tags: ['walk'], record: { createdAt } })
      places.push({ uri: uriOf(event), indexedAt: event.time_us, cid: String(event.commit.cid) })
      return event
    })
    await service.send(...events, ...six, ...odd)
    expected = inOrder(places)
  })
  afterAll(() => stack.disposeAsync())

  test.each([1, 2, 3, 7, 50, 100])(
    'gives every post once, in order, with limit=%i',
    async (limit) => {
      expect(expected).toHaveLength(162)
      const pages = await readPages(service.app, 'walk', limit)
      expect(postsOf(pages)).toEqual(expected)
    },
  )

  test('gives the same with another limit on every page', async () => {
    const posts: string[] = []
    let cursor: string | undefined
    for (let n = 0; n === 0 || cursor !== undefined; n += 1) {
      const limit = 1 + ((n * 17) % 40)
      const page = await service.app.page('walk', { limit, ...(cursor && { cursor }) })
      checkPage(page, limit, cursor)
      posts.push(...page.feed.map(({ post: uri }) => uri))
      cursor = page.cursor
    }
    expect(posts).toEqual(expected)
  })

  test.each([
    [1, 6],
    [2, 3],
    [3, 2],
    [6, 1],
    [7, 1],
  ])('ends without a cursor at a multiple of limit=%i', async (limit, count) => {
    const pages = await readPages(service.app, 'six', limit)
    expect(pages).toHaveLength(count)
    expect(pages.at(-1)).not.toHaveProperty('cursor')
    expect(new Set(postsOf(pages)).size).toBe(6)
  })
})

describe('a feed that changes', () => {
  const feeds = yamlOf({ art: 'tags: [art]' })

  test('neither repeats nor skips a post while posts arrive, change and leave', async () => {
    await using service = await startService({ feeds })
    const clock = createClock()
    const baseUs = clock() - HOUR
    const places = new Map<string, Place>()
    const byUri = new Map<string, CommitEvent>()
    const post = (indexedAt: number, options: Partial<PostOptions> = {}): CommitEvent => {
      const timeUs = clock()
      const record = { createdAt: datetimeUs(Math.min(indexedAt, timeUs)) }
      const base = { timeUs, tags: ['art'], record, did: did(1 + (timeUs % 7)) }
      const event = createPost({ ...base, ...options })
      const cid = String(event.commit.cid)
      places.set(uriOf(event), { uri: uriOf(event), indexedAt: Math.min(indexedAt, timeUs), cid })
      byUri.set(uriOf(event), event)
      return event
    }
    const remove = (uri: string): JetstreamEvent => {
      const { did: author, commit } = byUri.get(uri) as CommitEvent
      places.delete(uri)
      return deletePost({ timeUs: clock(), did: author, rkey: commit.rkey })
    }
    const change = (uri: string, tags: string[]): JetstreamEvent => {
      const { did: author, commit } = byUri.get(uri) as CommitEvent
      if (!tags.includes('art')) {
        places.delete(uri)
      }
      return updatePost({ timeUs: clock(), did: author, rkey: commit.rkey, tags })
    }
    const cid = fakeCid('of all')
    const start = Array.from({ length: 150 }, (_, n) => post(baseUs + (n % 6) * SECOND, { cid }))
    await service.send(...start)

    const seen: string[] = []
    let cursor: string | undefined
    let rest = inOrder([...places.values()])
    for (let n = 0; n === 0 || cursor !== undefined; n += 1) {
      const limit = [7, 20, 1, 3][n % 4] ?? 7
      const page = await service.app.page('art', { limit, ...(cursor && { cursor }) })
      checkPage(page, limit, cursor)
      const posts = page.feed.map(({ post: uri }) => uri)
      expect(posts).toEqual(rest.slice(0, posts.length))
      expect(page.cursor === undefined).toBe(rest.length === posts.length)
      seen.push(...posts)
      cursor = page.cursor
      const last = places.get(posts.at(-1) ?? '')
      const ahead = rest.slice(posts.length)
      const events: JetstreamEvent[] = [
        // Above the place reached: never seen on this walk.
        post(Infinity),
        post(baseUs + 7 * SECOND, { cid }),
      ]
      if (n < 12 && last !== undefined && ahead.length > 12) {
        events.push(
          // Below the place reached: they come in their turn, the first right behind it.
          post(last.indexedAt - 1, { cid: fakeCid(n) }),
          post(baseUs + 2 * SECOND - HOUR, { cid }),
          // The post that the cursor stands at goes, or leaves the tag.
          n % 2 === 0 ? remove(last.uri) : change(last.uri, ['cats']),
          remove(ahead[0] ?? ''),
          change(ahead[3] ?? '', ['cats']),
          // An update moves nothing, though its record has another cid.
          change(ahead[5] ?? '', ['art', 'cats']),
          remove(ahead[9] ?? ''),
        )
      }
      await service.send(...events)
      const isBelow = (place: Place): boolean =>
        last !== undefined && inOrder([last, place])[0] === last.uri && place.uri !== last.uri
      rest = inOrder([...places.values()].filter(isBelow))
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(100)
  })

  test('answers an empty page without a cursor when all that was left is gone', async () => {
    await using service = await startService({ feeds })
    const clock = createClock()
    const posts = Array.from({ length: 4 }, () => createPost({ timeUs: clock(), tags: ['art'] }))
    await service.send(...posts)
    const { cursor = '' } = await service.app.page('art', { limit: 2 })
    expect(cursor).not.toBe('')
    const leaving = posts.slice(0, 2).map(({ commit: { rkey } }) => rkey)
    await service.send(...leaving.map((rkey) => deletePost({ timeUs: clock(), rkey })))
    expect(await service.app.page('art', { limit: 2, cursor })).toEqual({ feed: [] })
    expect(await service.app.page('art', { limit: 2 })).not.toHaveProperty('cursor')
  })

  test('leaves out an account while it is hidden, on every page', async () => {
    await using service = await startService({ feeds })
    const clock = createClock()
    const posts = Array.from({ length: 10 }, (_, n) =>
      createPost({ timeUs: clock(), tags: ['art'], did: did(1 + (n % 2)) }),
    )
    await service.send(...posts)
    const all = posts.map(uriOf).toReversed()
    const { cursor = '' } = await service.app.page('art', { limit: 2 })
    const restOf = async (): Promise<string[]> => {
      const { feed } = await service.app.page('art', { cursor })
      return feed.map(({ post }) => post)
    }
    const hide = { timeUs: clock(), did: did(1), active: false, status: 'takendown' }
    await service.send(accountEvent(hide))
    expect(await service.app.walk('art', 2)).toEqual(all.filter((uri) => uri.includes(did(2))))
    expect(await restOf()).toEqual(all.slice(2).filter((uri) => uri.includes(did(2))))
    await service.send(accountEvent({ timeUs: clock(), did: did(1) }))
    expect(await service.app.walk('art', 2)).toEqual(all)
    expect(await restOf()).toEqual(all.slice(2))
  })
})

describe('posts older than FEEDGEN_RETENTION_DAYS', () => {
  const clock = createClock()
  const post = (hoursAgo: number, n: number): CommitEvent => {
    const createdAt = datetimeUs(clock() - Math.round(hoursAgo * HOUR))
    return createPost({ timeUs: clock(), did: did(n), tags: ['art'], record: { createdAt } })
  }
  const young = [1, 12, 23, 23.5].map((hours, n) => post(hours, n))
  const old = [24.5, 25, 48, 1_000].map((hours, n) => post(hours, 10 + n))
  const pinned = uriOf(old[1] as CommitEvent)
  const feeds = yamlOf({ art: 'tags: [art]', pinned: `tags: [art], pinned: "${pinned}"` })

  test('are never served', async () => {
    await using service = await startService({ feeds, env: { FEEDGEN_RETENTION_DAYS: '1' } })
    await service.send(...young, ...old)
    for (const limit of [1, 2, 3, 4, 5, 100]) {
      const pages = await readPages(service.app, 'art', limit)
      expect(postsOf(pages)).toEqual(young.map(uriOf))
    }
    expect(await service.app.walk('pinned', 2)).toEqual([pinned, ...young.map(uriOf)])
  })

  test('are not served from the moment on that fewer days are set, whatever the cursor', async () => {
    using folder = temporaryFolder()
    const options = { feeds, folder: folder.path }
    await using service = await startService({ ...options, env: { FEEDGEN_RETENTION_DAYS: '30' } })
    await service.send(...young, ...old)
    const all = [...young, ...old.slice(0, 3)].map(uriOf)
    expect(await service.app.walk('art', 2)).toEqual(all)
    const { cursor: before = '' } = await service.app.page('art', { limit: 3 })
    const { cursor: after = '' } = await service.app.page('art', { limit: 5 })
    expect(await service.app.stop()).toBe(0)
    const env = {
      FEEDGEN_RETENTION_DAYS: '1',
      FEEDGEN_PUBLISHER_DID: PUBLISHER,
      FEEDGEN_JETSTREAM_URLS: service.jetstream.url,
    }
    await using again = await runApp({ ...options, env })
    expect(await again.walk('art', 2)).toEqual(young.map(uriOf))
    const rest = young.slice(3).map((event) => ({ post: uriOf(event) }))
    expect(await again.page('art', { cursor: before })).toEqual({ feed: rest })
    expect(await again.page('art', { cursor: after })).toEqual({ feed: [] })
  })
})
