import { app as lexicon } from '@bsky/sdk/lexicons'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { accountEvent, createPost, deletePost, did, fakeCid, tid } from '../support/events.ts'
import { updatePost } from '../support/events.ts'
import type { CommitEvent, JetstreamEvent, PostOptions } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunOptions, RunningApp, SkeletonPage } from '../support/runApp.ts'

const METHOD = '/xrpc/app.bsky.feed.getFeedSkeleton'
const PIN = 'app.bsky.feed.defs#skeletonReasonPin'
const PUBLISHER = did(900)
const SECOND = 1_000_000
const HOUR = 3600 * SECOND

const answers = lexicon.bsky.feed.getFeedSkeleton.main.output.schema

/** Times that grow with every call and lie a little in the past. */
function createClock(startUs = (Date.now() - 600_000) * 1000): () => number {
  let us = startUs
  return () => (us += 1000)
}

/** The moment as a lexicon datetime, in microseconds. */
const datetimeUs = (us: number): string =>
  `${new Date(Math.floor(us / 1000)).toISOString().slice(0, -1)}${String(us % 1000).padStart(3, '0')}Z`

const uriOf = ({ did: author, commit }: CommitEvent): string =>
  `at://${author}/app.bsky.feed.post/${commit.rkey}`

const yamlOf = (feeds: Readonly<Record<string, string>>): string =>
  `feeds:\n${Object.entries(feeds)
    .map(([rkey, definition]) => `  - { rkey: ${rkey}, name: ${rkey}, ${definition} }\n`)
    .join('')}`

interface Service extends AsyncDisposable {
  readonly app: RunningApp
  readonly jetstream: JetstreamServer
  /** Sends, and waits until what was sent is committed. */
  send(...events: JetstreamEvent[]): Promise<void>
}

async function startService(options: RunOptions): Promise<Service> {
  await using stack = new AsyncDisposableStack()
  const jetstream = stack.use(await openJetstreamServer())
  const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url, FEEDGEN_PUBLISHER_DID: PUBLISHER }
  const app = stack.use(await runApp({ ...options, env: { ...env, ...options.env } }))
  await jetstream.waitForConnection()
  const resources = stack.move()
  return {
    ...{ app, jetstream },
    send: async (...events) => {
      jetstream.append(...events)
      await app.untilCommitted(Math.max(...events.map(({ time_us }) => time_us)))
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

interface Answer {
  readonly status: number
  readonly body: Partial<SkeletonPage> & { readonly error?: string; readonly message?: string }
}

/** The answer to a query string, sent as it is. */
async function ask(app: RunningApp, search: string, init?: RequestInit): Promise<Answer> {
  const response = await app.get(`${METHOD}?${search}`, init)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

const refusal = (error: string) => ({
  status: 400,
  body: { error, message: expect.stringMatching(/\S/) as unknown },
})

/** All pages, each of which keeps the rules that hold for every page. */
async function readPages(app: RunningApp, rkey: string, limit: number): Promise<SkeletonPage[]> {
  const pages: SkeletonPage[] = []
  let cursor: string | undefined
  do {
    const page: SkeletonPage = await app.page(rkey, { limit, ...(cursor && { cursor }) })
    checkPage(page, limit, cursor)
    pages.push(page)
    cursor = page.cursor
  } while (cursor !== undefined)
  return pages
}

function checkPage(page: SkeletonPage, limit: number, cursor?: string): void {
  const { feed, cursor: next } = page
  expect(answers.safeParse(page)).toMatchObject({ success: true })
  expect(feed.length).toBeLessThanOrEqual(limit)
  expect('cursor' in page ? next : 'left out').toMatch(/./)
  expect(next ?? 'none').not.toBe(cursor)
  expect(feed.length > 0 || next === undefined).toBe(true)
  for (const { post } of feed) {
    expect(post).toMatch(/^at:\/\/did:[a-z]+:[^/]+\/app\.bsky\.feed\.post\/[^/]+$/)
  }
}

const postsOf = (pages: readonly SkeletonPage[]): string[] =>
  pages.flatMap(({ feed }) => feed.map(({ post }) => post))

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

describe('the parameters of getFeedSkeleton', () => {
  const stack = new AsyncDisposableStack()
  const clock = createClock()
  const posts = Array.from({ length: 120 }, () => createPost({ timeUs: clock(), tags: ['art'] }))
  const newestFirst = posts.map(uriOf).toReversed()
  let app: RunningApp
  let art: string

  beforeAll(async () => {
    const feeds = yamlOf({
      art: 'tags: [art]',
      same: 'tags: [art]',
      nothing: 'tags: [nobodywritesthis]',
    })
    const service = stack.use(await startService({ feeds }))
    await service.send(...posts)
    app = service.app
    art = `feed=${encodeURIComponent(app.feedUri('art'))}`
  })
  afterAll(() => stack.disposeAsync())

  test.each([
    ['is missing', ''],
    ['is empty', 'feed='],
    ['is a word', 'feed=art'],
    ['is a web address', 'feed=https%3A%2F%2Fexample.com%2Fart'],
    ['is a DID', `feed=${PUBLISHER}`],
    ['is a scheme alone', 'feed=at%3A%2F%2F'],
    ['has no valid authority', 'feed=at%3A%2F%2Fno%20body%2Fapp.bsky.feed.generator%2Fart'],
    ['has blanks before it', `feed=%20at://${PUBLISHER}/app.bsky.feed.generator/art`],
    ['goes by another name', `feed[]=at://${PUBLISHER}/app.bsky.feed.generator/art`],
    ['is written in capitals', `FEED=at://${PUBLISHER}/app.bsky.feed.generator/art`],
  ])('are refused as InvalidRequest when the feed %s', async (_, search) => {
    expect(await ask(app, search)).toEqual(refusal('InvalidRequest'))
  })

  test.each([
    ['another record key', `at://${PUBLISHER}/app.bsky.feed.generator/nope`],
    ['a record key in capitals', `at://${PUBLISHER}/app.bsky.feed.generator/ART`],
    ['a longer record key', `at://${PUBLISHER}/app.bsky.feed.generator/artx`],
    ['another authority', `at://${did(901)}/app.bsky.feed.generator/art`],
    ['a handle as authority', 'at://alice.example.com/app.bsky.feed.generator/art'],
    ['another collection', `at://${PUBLISHER}/app.bsky.feed.post/art`],
    ['a collection in capitals', `at://${PUBLISHER}/app.bsky.feed.Generator/art`],
    ['no record key', `at://${PUBLISHER}/app.bsky.feed.generator`],
    ['a repository alone', `at://${PUBLISHER}`],
    ...['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'].map((name) => [
      `the record key ${name}`,
      `at://${PUBLISHER}/app.bsky.feed.generator/${name}`,
    ]),
  ])('are refused as UnknownFeed for %s', async (_, feed) => {
    const search = new URLSearchParams({ feed }).toString()
    expect(await ask(app, search)).toEqual(refusal('UnknownFeed'))
  })

  test.each(['/', '//', '/x', '?x=1', '?', '#/x', '#', '\u0000', '\n', ' ', '%00', '%2F'])(
    'are refused when %j follows the address of a feed',
    async (tail) => {
      const search = new URLSearchParams({ feed: app.feedUri('art') + tail }).toString()
      const { status, body } = await ask(app, search)
      expect(status).toBe(400)
      expect(['InvalidRequest', 'UnknownFeed']).toContain(body.error)
    },
  )

  test('do not take a percent-encoded spelling for the address of a feed', async () => {
    const feed = app.feedUri('art').replace(/art$/, '%61rt')
    const { status } = await ask(app, new URLSearchParams({ feed }).toString())
    expect(status).toBe(400)
  })

  test.each([
    ...['0', '101', '-1', '1e1', '5.0', '+5', '%2B5', '%205', '5%20', '0x10', '1000', '5,6'],
    ...['abc', 'NaN', 'null', 'undefined', 'true', '-0', '0.5', '99999999999999999999', '1_0'],
    ...['%D9%A3', '5%00', '%EF%BC%95', '5%0A', 'Infinity', '%ff'],
  ])('are refused with limit=%s', async (limit) => {
    expect(await ask(app, `${art}&limit=${limit}`)).toEqual(refusal('InvalidRequest'))
  })

  test.each([1, 2, 49, 50, 51, 99, 100])('give at most limit=%i posts', async (limit) => {
    const { status, body } = await ask(app, `${art}&limit=${limit}`)
    expect(status).toBe(200)
    expect(body.feed).toEqual(newestFirst.slice(0, limit).map((post) => ({ post })))
  })

  test.each(['', '&limit=', '&cursor=', '&limit=&cursor=', '&other=1', '&limit=50'])(
    'give the first 50 posts when the feed is followed by %j',
    async (rest) => {
      const { status, body } = await ask(app, `${art}${rest}`)
      expect(status).toBe(200)
      expect(body.feed).toEqual(newestFirst.slice(0, 50).map((post) => ({ post })))
      expect(body.cursor).toMatch(/./)
    },
  )

  test.each([
    ['feed', () => `${art}&${art}`],
    ['feed, once of another', () => `feed=at://x/y/z&${art}`],
    ['limit', () => `${art}&limit=5&limit=5`],
    ['limit, once empty', () => `${art}&limit=5&limit=`],
    ['limit, in another spelling', () => `${art}&limit=5&%6Cimit=5`],
    ['cursor', () => `${art}&cursor=a&cursor=a`],
    ['cursor, twice empty', () => `${art}&cursor=&cursor=`],
  ])('are refused when one is given twice: %s', async (_, search) => {
    expect(await ask(app, search())).toEqual(refusal('InvalidRequest'))
  })

  test('answer a feed without posts with an empty list and no cursor', async () => {
    expect(await app.page('nothing')).toEqual({ feed: [] })
  })

  test('answer what the lexicon says', async () => {
    for (const rkey of ['art', 'nothing']) {
      expect(answers.safeParse(await app.page(rkey))).toMatchObject({ success: true })
    }
  })

  test.each([
    ['no scheme', 'garbage'],
    ['an empty token', 'Bearer '],
    ['a word as token', 'Bearer x'],
    ['three words as token', 'Bearer a.b.c'],
    ['a token that nobody signed', `Bearer ${jwt({ alg: 'none' }, { iss: did(1) })}.`],
    [
      'a token for another service that is long over',
      `Bearer ${jwt({ alg: 'ES256K', typ: 'JWT' }, { iss: did(1), aud: 'did:web:x.example', exp: 1 })}.AAAA`,
    ],
    ['a password', 'Basic dXNlcjpwYXNzd29yZA=='],
    ['another scheme', 'DPoP abc'],
    ['a very long token', `Bearer ${'a'.repeat(8_000)}`],
  ])('are what counts, not an Authorization header with %s', async (_, authorization) => {
    const plain = await ask(app, `${art}&limit=5`)
    const answer = await ask(app, `${art}&limit=5`, { headers: { authorization } })
    expect(answer).toEqual(plain)
    expect(answer.status).toBe(200)
  })

  describe('among them the cursor', () => {
    const cursorOf = async (rkey: string, limit = 7): Promise<string> => {
      const { cursor } = await app.page(rkey, { limit })
      return String(cursor)
    }
    const askWith = (cursor: string): Promise<Answer> =>
      ask(app, `${art}&limit=7&cursor=${encodeURIComponent(cursor)}`)

    test('is refused wherever a character of it is changed', async () => {
      const cursor = await cursorOf('art')
      for (const [index, character] of Array.from(cursor).entries()) {
        const other = character === 'A' ? 'B' : 'A'
        const damaged = cursor.slice(0, index) + other + cursor.slice(index + 1)
        expect([damaged, await askWith(damaged)]).toEqual([damaged, refusal('InvalidRequest')])
      }
    })

    test.each<[string, (cursor: string) => string]>([
      ['the last character is lost', (cursor) => cursor.slice(0, -1)],
      ['the first character is lost', (cursor) => cursor.slice(1)],
      ['half is lost', (cursor) => cursor.slice(0, cursor.length / 2)],
      ['all but one character is lost', (cursor) => cursor.slice(0, 1)],
      ['a character is added behind', (cursor) => `${cursor}A`],
      ['a character is added in front', (cursor) => `A${cursor}`],
      ['a blank is added', (cursor) => `${cursor} `],
      ['a line end is added', (cursor) => `${cursor}\n`],
      ['padding is added', (cursor) => `${cursor}=`],
      ['a NUL is added', (cursor) => `${cursor}\u0000`],
      ['it is there twice', (cursor) => cursor + cursor],
      ['it is in lower case', (cursor) => cursor.toLowerCase()],
      ['it is in upper case', (cursor) => cursor.toUpperCase()],
      ['it is in quotes', (cursor) => `"${cursor}"`],
      ['it is reversed', (cursor) => Array.from(cursor).toReversed().join('')],
    ])('is refused when %s', async (_, damage) => {
      expect(await askWith(damage(await cursorOf('art')))).toEqual(refusal('InvalidRequest'))
    })

    test.each([
      `1683654690921::${fakeCid(1)}`,
      new Date().toISOString(),
      String(Date.now()),
      ...['0', '1', '-1', 'null', 'undefined', 'true', '{}', '[]', 'e30', 'bnVsbA', ' ', '%', '::'],
      ...['A'.repeat(5_000), '💥', "' or 1=1 --"],
    ])('is refused when it is %j', async (cursor) => {
      expect(await askWith(cursor)).toEqual(refusal('InvalidRequest'))
    })

    test('is refused when it is of another feed, though both show the same', async () => {
      expect(await askWith(await cursorOf('same'))).toEqual(refusal('InvalidRequest'))
      expect((await askWith(await cursorOf('art'))).status).toBe(200)
    })

    test('holds for any limit', async () => {
      const cursor = await cursorOf('art')
      for (const limit of [1, 50, 100]) {
        const { feed } = await app.page('art', { cursor, limit })
        expect(feed).toEqual(newestFirst.slice(7, 7 + limit).map((post) => ({ post })))
      }
    })

    test('may be used again, and gives the same page', async () => {
      const cursor = await cursorOf('art')
      const first = await app.page('art', { cursor })
      expect(await app.page('art', { cursor })).toEqual(first)
    })
  })
})

function jwt(header: object, payload: object): string {
  return [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
}

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

describe('a cursor', () => {
  const clock = createClock()
  const posts = Array.from({ length: 12 }, (_, n) =>
    createPost({ timeUs: clock(), tags: n % 3 === 0 ? ['art', 'cats'] : ['art'] }),
  )
  const newestFirst = posts.map(uriOf).toReversed()
  const cats = new Set(posts.filter((_, n) => n % 3 === 0).map(uriOf))

  test('goes on after a restart, in another process, and after a change of the filter', async () => {
    using folder = temporaryFolder()
    const options = { folder: folder.path, feeds: yamlOf({ art: 'tags: [art]' }) }
    await using service = await startService(options)
    await service.send(...posts)
    const { cursor = '' } = await service.app.page('art', { limit: 5 })
    const env = {
      FEEDGEN_JETSTREAM_URLS: service.jetstream.url,
      FEEDGEN_PUBLISHER_DID: PUBLISHER,
    }
    const restAt = async (app: RunningApp): Promise<string[]> => {
      const page = await app.page('art', { cursor })
      checkPage(page, 50, cursor)
      return page.feed.map(({ post }) => post)
    }
    {
      await using other = await runApp({ ...options, env: { ...env, FEEDGEN_ROLES: 'serve' } })
      expect(await restAt(other)).toEqual(newestFirst.slice(5))
    }
    expect(await service.app.stop()).toBe(0)
    {
      await using again = await runApp({ ...options, env })
      expect(await restAt(again)).toEqual(newestFirst.slice(5))
    }
    const changed = {
      art: 'tags: { any: [cats], none: [dogs] }, languages: [en]',
      other: 'tags: [art]',
    }
    await using again = await runApp({ ...options, feeds: yamlOf(changed), env })
    const expected = newestFirst.slice(5).filter((uri) => cats.has(uri))
    expect(expected).not.toEqual([])
    expect(await restAt(again)).toEqual(expected)
  })
})

describe('a pinned post', () => {
  const stack = new AsyncDisposableStack()
  const clock = createClock()
  const authors = {
    post: did(1),
    ...{ deleted: did(30), unseen: did(31), hidden: did(32), hiddenUnseen: did(33) },
    ...{ erased: did(34), recreated: did(35), retagged: did(36), born: did(37) },
  }
  const posts = Array.from({ length: 6 }, () => createPost({ timeUs: clock(), tags: ['pin'] }))
  const newestFirst = posts.map(uriOf).toReversed()
  const elsewhere = createPost({ timeUs: clock(), did: did(20), tags: ['elsewhere'] })
  const untagged = createPost({ timeUs: clock(), did: did(21) })
  const lonely = createPost({ timeUs: clock(), did: did(22), tags: ['lonely'] })
  const byAuthor = (author: string): CommitEvent =>
    createPost({ timeUs: clock(), did: author, tags: ['elsewhere'] })
  const changing = {
    deleted: byAuthor(authors.deleted),
    hidden: byAuthor(authors.hidden),
    erased: byAuthor(authors.erased),
    recreated: byAuthor(authors.recreated),
    retagged: createPost({ timeUs: clock(), did: authors.retagged, tags: ['pin'] }),
  }
  const unseenRkey = tid(clock())
  const unseenUri = (author: string): string => `at://${author}/app.bsky.feed.post/${unseenRkey}`
  const stable: [rkey: string, pinned: string, tag: string][] = [
    ['middle', newestFirst[3] ?? '', 'pin'],
    ['newest', newestFirst[0] ?? '', 'pin'],
    ['oldest', newestFirst[5] ?? '', 'pin'],
    ['elsewhere', uriOf(elsewhere), 'pin'],
    ['untagged', uriOf(untagged), 'pin'],
    ['unknown', unseenUri(did(23)), 'pin'],
    ['lonely', uriOf(lonely), 'lonely'],
    ['empty', unseenUri(did(24)), 'nobodywritesthis'],
  ]
  const definitions: [rkey: string, pinned: string, tag: string][] = [
    ...stable,
    ...Object.entries(changing).map(([name, event]): [string, string, string] => [
      name,
      uriOf(event),
      'pin',
    ]),
    ['unseen', unseenUri(authors.unseen), 'pin'],
    ['hiddenunseen', unseenUri(authors.hiddenUnseen), 'pin'],
    ['born', unseenUri(authors.born), 'pin'],
  ]
  const feeds = yamlOf(
    Object.fromEntries(
      definitions.map(([rkey, pinned, tag]) => [rkey, `tags: [${tag}], pinned: "${pinned}"`]),
    ),
  )
  const folder = stack.use(temporaryFolder())
  /** The first page: whether it shows a pin, and whether a pin is what it shows first. */
  const pinOf = async (rkey: string, app: RunningApp = service.app): Promise<unknown> => {
    const page = await app.page(rkey, { limit: 3 })
    checkPage(page, 3)
    expect(page.feed).toHaveLength(3)
    expect(page.feed.slice(1).every(({ reason }) => reason === undefined)).toBe(true)
    const [first] = page.feed
    return first?.reason === undefined ? undefined : { post: first.post, type: first.reason.$type }
  }
  const pinTo = (post: string): object => ({ post, type: PIN })
  let service: Service

  beforeAll(async () => {
    service = stack.use(await startService({ feeds, folder: folder.path }))
    await service.send(...posts, elsewhere, untagged, lonely, ...Object.values(changing))
    // It would stand in every list below.
    const { did: author, commit } = changing.retagged
    const tags = ['elsewhere']
    await service.send(updatePost({ timeUs: clock(), did: author, rkey: commit.rkey, tags }))
  })
  afterAll(() => stack.disposeAsync())

  test.each(stable)('comes first and once: %s', async (rkey, pinned, tag) => {
    const rest = tag === 'pin' ? newestFirst.filter((uri) => uri !== pinned) : []
    for (const limit of [2, 3, 4, 5, 6, 7, 100]) {
      const pages = await readPages(service.app, rkey, limit)
      expect([limit, ...postsOf(pages)]).toEqual([limit, pinned, ...rest])
      const [first, ...others] = pages.flatMap(({ feed }) => feed)
      expect(first).toEqual({ post: pinned, reason: { $type: PIN } })
      expect(others.every((item) => !('reason' in item))).toBe(true)
    }
  })

  test('is left out of a first page of one post, and takes one of two with limit=2', async () => {
    const [, pinned] = stable[0] ?? []
    const one = await service.app.page('middle', { limit: 1 })
    expect(one.feed).toEqual([{ post: newestFirst[0] }])
    const two = await service.app.page('middle', { limit: 2 })
    expect(two.feed).toEqual([{ post: pinned, reason: { $type: PIN } }, { post: newestFirst[0] }])
  })

  test('stays when an update takes it out of the tags of the feed', async () => {
    expect(await pinOf('retagged')).toEqual(pinTo(uriOf(changing.retagged)))
  })

  test('goes when the stream shows it deleted', async () => {
    expect(await pinOf('deleted')).toEqual(pinTo(uriOf(changing.deleted)))
    const { did: author, commit } = changing.deleted
    await service.send(deletePost({ timeUs: clock(), did: author, rkey: commit.rkey }))
    expect(await pinOf('deleted')).toBeUndefined()
    expect(await service.app.walk('deleted', 1)).toEqual(newestFirst)
  })

  test('goes when the stream shows it deleted, though it was never stored', async () => {
    expect(await pinOf('unseen')).toEqual(pinTo(unseenUri(authors.unseen)))
    await service.send(deletePost({ timeUs: clock(), did: authors.unseen, rkey: unseenRkey }))
    expect(await pinOf('unseen')).toBeUndefined()
  })

  test('comes back when it is created again', async () => {
    const { did: author, commit } = changing.recreated
    const { rkey } = commit
    await service.send(deletePost({ timeUs: clock(), did: author, rkey }))
    expect(await pinOf('recreated')).toBeUndefined()
    await service.send(createPost({ timeUs: clock(), did: author, rkey, tags: ['elsewhere'] }))
    expect(await pinOf('recreated')).toEqual(pinTo(uriOf(changing.recreated)))
  })

  test('goes when it was stored after the start and is deleted then', async () => {
    const [author, rkey] = [authors.born, unseenRkey]
    await service.send(createPost({ timeUs: clock(), did: author, rkey, tags: ['pin'] }))
    expect(await pinOf('born')).toEqual(pinTo(unseenUri(author)))
    const posts = await service.app.walk('born', 2)
    expect(posts).toEqual([unseenUri(author), ...newestFirst])
    await service.send(deletePost({ timeUs: clock(), did: author, rkey }))
    expect(await pinOf('born')).toBeUndefined()
  })

  test.each([
    ['hidden', authors.hidden, uriOf(changing.hidden)],
    ['hiddenunseen', authors.hiddenUnseen, unseenUri(authors.hiddenUnseen)],
  ])('goes while its account is hidden, and comes back: %s', async (rkey, author, uri) => {
    for (const status of ['deactivated', 'takendown', 'suspended', undefined]) {
      expect(await pinOf(rkey)).toEqual(pinTo(uri))
      const hide = { timeUs: clock(), did: author, active: false }
      await service.send(accountEvent({ ...hide, ...(status !== undefined && { status }) }))
      expect(await pinOf(rkey)).toBeUndefined()
      expect(await service.app.walk(rkey, 1)).toEqual(newestFirst)
      await service.send(accountEvent({ timeUs: clock(), did: author }))
    }
    expect(await pinOf(rkey)).toEqual(pinTo(uri))
  })

  test('goes for good when its account is deleted', async () => {
    const author = authors.erased
    expect(await pinOf('erased')).toEqual(pinTo(uriOf(changing.erased)))
    const gone = { timeUs: clock(), did: author, active: false, status: 'deleted' }
    await service.send(accountEvent(gone))
    expect(await pinOf('erased')).toBeUndefined()
    await service.send(accountEvent({ timeUs: clock(), did: author }))
    expect(await pinOf('erased')).toBeUndefined()
  })

  test('that is gone stays away after a restart, and the others stay', async () => {
    const leaving = [
      deletePost({ timeUs: clock(), did: did(20), rkey: elsewhere.commit.rkey }),
      deletePost({ timeUs: clock(), did: did(23), rkey: unseenRkey }),
      accountEvent({ timeUs: clock(), did: authors.hidden, active: false, status: 'takendown' }),
    ]
    await service.send(...leaving)
    expect(await service.app.stop()).toBe(0)
    const env = {
      FEEDGEN_PUBLISHER_DID: PUBLISHER,
      FEEDGEN_JETSTREAM_URLS: service.jetstream.url,
    }
    await using again = await runApp({ feeds, folder: folder.path, env })
    for (const rkey of ['elsewhere', 'unknown', 'hidden']) {
      expect(await pinOf(rkey, again)).toBeUndefined()
    }
    expect(await pinOf('untagged', again)).toEqual(pinTo(uriOf(untagged)))
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
