import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { createPost, did, fakeCid } from '../support/events.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp, SkeletonPage } from '../support/runApp.ts'
import {
  PUBLISHER,
  answers,
  checkPage,
  createClock,
  startService,
  uriOf,
  yamlOf,
} from '../support/skeletonService.ts'

const METHOD = '/xrpc/app.bsky.feed.getFeedSkeleton'

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
