/** Pages of feeds, with a stand-in for the AppView. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openAppViewServer } from '../support/appViewServer.ts'
import type { AppViewServer } from '../support/appViewServer.ts'
import { createPost, did } from '../support/events.ts'
import type { RecordFields } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { until } from '../support/until.ts'

const EVIL = `<script>alert(1)</script><img src=x onerror=alert(1)>"' & ]]> \u202Eevil\u202D`
const FEEDS = `feeds:
  - { rkey: art, name: "<b>Art</b>", description: ${JSON.stringify('"><i>it</i>')}, tags: [art] }
  - { rkey: mine, name: Mine, tags: [art], order: following }
  - { rkey: top, name: Top, tags: [art], order: trending, trending: { refreshSeconds: 1 } }
  - { rkey: a.rss, name: Named like a document, tags: [art] }
  - { rkey: empty, name: Empty, tags: [nothing] }
`

interface Invented {
  readonly text: string
  readonly record?: RecordFields
  readonly author?: object
  readonly view?: object
  readonly isGone?: boolean
}

/** By the name of the post. */
const POSTS: Readonly<Record<string, Invented>> = {
  plain: {
    text: 'Täglich ein Bild: https://example.net and @ada #art',
    record: {
      facets: [
        facet(19, 38, { $type: 'app.bsky.richtext.facet#link', uri: 'https://example.net/' }),
        facet(43, 47, { $type: 'app.bsky.richtext.facet#mention', did: did(7) }),
        facet(48, 52, { $type: 'app.bsky.richtext.facet#tag', tag: 'art' }),
        // Cuts a character, overlaps, ends before it begins, lies outside, leads to a script.
        facet(2, 8, { $type: 'app.bsky.richtext.facet#link', uri: 'https://cut.example/' }),
        facet(20, 44, { $type: 'app.bsky.richtext.facet#link', uri: 'https://over.example/' }),
        facet(9, 4, { $type: 'app.bsky.richtext.facet#link', uri: 'https://back.example/' }),
        facet(40, 4_000, { $type: 'app.bsky.richtext.facet#link', uri: 'https://out.example/' }),
        facet(0, 1, { $type: 'app.bsky.richtext.facet#link', uri: 'javascript:alert(1)' }),
      ],
    },
    view: { likeCount: 12, repostCount: 1, replyCount: 0 },
  },
  evil: { text: EVIL, author: { displayName: EVIL, handle: 'evil"><script>.example' } },
  zalgo: { text: `z${'\u0301'.repeat(5_000)} \u0000\u0008\uFFFE end` },
  pictures: {
    text: 'three',
    view: {
      embed: {
        $type: 'app.bsky.embed.recordWithMedia#view',
        media: {
          $type: 'app.bsky.embed.images#view',
          images: [
            { thumb: 'https://cdn.example/1.jpg', alt: 'A "quoted" <alt>' },
            { thumb: 'javascript:alert(1)', alt: 'a script' },
            { thumb: 'http://192.168.0.1/x.jpg', alt: 'a host of the network' },
          ],
        },
        record: { record: quoteOf('app.bsky.embed.record#viewRecord', 'the quoted words') },
      },
    },
  },
  card: {
    text: 'a link',
    view: {
      embed: {
        $type: 'app.bsky.embed.external#view',
        external: { uri: 'https://news.example/a', title: '<u>News</u>', description: 'Of today' },
      },
    },
  },
  quotesAdult: {
    text: 'look at this',
    view: {
      embed: {
        $type: 'app.bsky.embed.record#view',
        record: {
          ...quoteOf('app.bsky.embed.record#viewRecord', 'quoted-adult-words'),
          labels: [{ val: 'porn' }],
        },
      },
    },
  },
  login: { text: 'login-words', author: { labels: [{ val: '!no-unauthenticated' }] } },
  loginRecord: {
    text: 'login-record-words',
    record: {
      labels: {
        $type: 'com.atproto.label.defs#selfLabels',
        values: [{ val: '!no-unauthenticated' }],
      },
    },
  },
  adult: { text: 'adult-words', view: { labels: [{ val: 'sexual' }] } },
  adultAuthor: { text: 'adult-author-words', author: { labels: [{ val: 'porn' }] } },
  gore: { text: 'gore-words', view: { labels: [{ val: 'gore' }] } },
  unlabelled: { text: 'label-taken-back', view: { labels: [{ val: 'porn', neg: true }] } },
  gone: { text: 'gone-words', isGone: true },
}
const NAMES = Object.keys(POSTS)
const WITHHELD = [
  'login-words',
  'adult-words',
  'adult-author-words',
  'gore-words',
  'gone-words',
].concat('login-record-words', 'quoted-adult-words')

function facet(byteStart: number, byteEnd: number, feature: object): RecordFields {
  return { index: { byteStart, byteEnd }, features: [feature] }
}

function quoteOf($type: string, text: string): object {
  return {
    ...{ $type, uri: `at://${did(90)}/app.bsky.feed.post/3aaaaaaaaaa2a` },
    author: { did: did(90), handle: 'quoted.example', displayName: 'Quoted' },
    value: { text },
  }
}

describe('with an AppView', () => {
  const stack = new AsyncDisposableStack()
  const views = new Map<string, object>()
  let appView: AppViewServer
  let app: RunningApp

  beforeAll(async () => {
    const jetstream = stack.use(await openJetstreamServer())
    appView = stack.use(await openAppViewServer((uri) => views.get(uri)))
    const timeUs = (Date.now() - 4_000) * 1000
    NAMES.forEach((name, index) => {
      const { text, record = {}, author = {}, view = {}, isGone } = POSTS[name] as Invented
      const owner = did(100 + index)
      // The stream's record is another one than the AppView's: it is seen which of them is shown.
      const event = createPost({
        ...{ did: owner, timeUs: timeUs + index, tags: ['art'] },
        text: `stored-${name}`,
        record: { ...(record['labels'] !== undefined && { labels: record['labels'] }) },
      })
      jetstream.append(event)
      const uri = `at://${owner}/app.bsky.feed.post/${event.commit.rkey}`
      if (isGone !== true) {
        views.set(uri, {
          uri,
          author: {
            did: owner,
            handle: `${name}.example`,
            displayName: `Name of ${name}`,
            ...author,
          },
          record: { $type: 'app.bsky.feed.post', text, ...record },
          ...view,
        })
      }
    })
    app = stack.use(
      await runApp({
        feeds: FEEDS,
        env: {
          FEEDGEN_JETSTREAM_URLS: jetstream.url,
          FEEDGEN_APPVIEW_URL: appView.url,
          FEEDGEN_PLC_URL: appView.url,
          FEEDGEN_ALLOW_LOCAL_NETWORK: 'true',
        },
      }),
    )
    await app.untilCommitted(timeUs + NAMES.length - 1)
  })
  afterAll(() => stack.disposeAsync())

  const read = async (path: string): Promise<string> => {
    const response = await app.get(path)
    expect([path, response.status]).toEqual([path, 200])
    return await response.text()
  }

  test('posts are shown as posts: author, text with links, counts', async () => {
    const text = await read('/feeds/art')
    expect(text).toContain('Name of plain')
    expect(text).toContain('@plain.example')
    expect(text).toContain(
      'Täglich ein Bild: <a href="https://example.net/" rel="nofollow noopener ugc">https://example.net</a> and ' +
        `<a href="https://bsky.app/profile/${did(7)}" rel="nofollow noopener ugc">@ada</a> ` +
        '<a href="/tags/art" rel="nofollow noopener ugc">#art</a>',
    )
    expect(text).not.toMatch(
      /cut\.example|over\.example|back\.example|out\.example|href="javascript/,
    )
    expect(text).toMatch(/12 likes/)
    expect(text).not.toContain('stored-')
    expect(appView.calls.every((uris) => uris.length <= 25)).toBe(true)
  })

  test('pictures, link cards and quoted posts are there, from nowhere else than the web', async () => {
    const text = await read('/feeds/art')
    expect(text).toContain('src="https://cdn.example/1.jpg"')
    expect(text).toContain('alt="A &quot;quoted&quot; &lt;alt&gt;"')
    expect(text).not.toMatch(/src="(?:javascript|http:\/\/192)/)
    expect(text).toContain('the quoted words')
    expect(text).toContain('href="https://news.example/a"')
    expect(text).toContain('&lt;u&gt;News&lt;/u&gt;')
  })

  test('hostile texts come out as text', async () => {
    const text = await read('/feeds/art')
    expect(text).not.toMatch(/<script|<img src=x|<b>Art<|<i>it/)
    expect(text).not.toContain('\u0000')
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(text).toContain('z\u0301\u0301')
  })

  test.each(['/feeds/art', '/feeds/top', '/feeds/art.rss', '/feeds/art.json'])(
    'what is not for everybody is not in %s',
    async (path) => {
      const text = await read(path)
      expect(WITHHELD.filter((words) => text.includes(words))).toEqual([])
      expect(text).toContain('label-taken-back')
      expect(text).toContain('only to people who are logged in')
      expect(text).toContain('being for adults')
      expect(text).toContain('It is not available')
      expect(text).not.toMatch(/Name of (?:login|adult|gore|gone)/)
    },
  )

  test('a trending feed says what a score is made of', async () => {
    const text = await until(async () => {
      const found = await (await app.get('/feeds/top')).text()
      return found.includes('class="why"') && found
    })
    expect(text).toMatch(/<b>#1<\/b>\s+score 0:\s+no engagement yet/)
  })

  test('a following feed says that it is another one for each reader', async () => {
    expect(await read('/feeds/mine')).toContain('This feed shows each reader')
    expect((await app.get('/feeds/mine.rss')).status).toBe(404)
  })

  test('an empty feed says why', async () => {
    expect(await read('/feeds/empty')).toContain('No posts: no stored post that is visible carries')
  })

  test('a feed whose key ends like a document has a page', async () => {
    expect(await read('/feeds/a.rss')).toContain('<title>Named like a document · tagfeed</title>')
    expect(await read('/feeds/a.rss.rss')).toContain('<rss version="2.0"')
  })

  test.each([
    ['/feeds/nope', 404, 'There is no such feed here'],
    ['/feeds/art?cursor=rubbish', 400, 'Malformed cursor'],
    ['/feeds/art?cursor=a&cursor=b', 400, 'cursor is given twice'],
  ])('what cannot be shown is told in the same frame: %s', async (path, status, words) => {
    const response = await app.get(path)
    const text = await response.text()
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(text).toContain(words)
    expect(text).toContain('<main')
  })

  test('HEAD of a page has its headers and no body', async () => {
    const response = await app.get('/feeds/art', { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(response.headers.get('content-security-policy')).not.toContain('unsafe')
    expect(await response.text()).toBe('')
  })

  test('posts are remembered: another page of the same posts asks for nothing', async () => {
    await read('/feeds/art')
    const before = appView.calls.length
    await read('/feeds/art.json')
    await read('/feeds/art.rss')
    expect(appView.calls.length).toBe(before)
  })

  test('/status tells how the service is', async () => {
    const text = await read('/status')
    expect(text).toContain('All is well')
    expect(text).toMatch(/Database[^]*MB/)
    expect(text).toContain('href="/feeds/top"')
    expect(text).not.toContain('127.0.0.1')
  })
})

describe('without an AppView', () => {
  const stack = new AsyncDisposableStack()
  let appView: AppViewServer
  beforeAll(async () => {
    appView = stack.use(
      await openAppViewServer((uri) => {
        const owner = uri.split('/')[2]
        return {
          ...{ uri, record: { text: 'from the AppView' } },
          author: { did: owner, handle: 'a.example', labels: [{ val: '!no-unauthenticated' }] },
        }
      }),
    )
  })
  beforeEach(() => {
    appView.failure = undefined
  })
  afterAll(() => stack.disposeAsync())

  async function openWith(url: string, isKept = 'true') {
    const own = new AsyncDisposableStack()
    const jetstream = own.use(await openJetstreamServer())
    const timeUs = (Date.now() - 4_000) * 1000
    jetstream.append(createPost({ timeUs, tags: ['art'], text: `stored ${EVIL}` }))
    const env = {
      FEEDGEN_JETSTREAM_URLS: jetstream.url,
      FEEDGEN_APPVIEW_URL: url,
      FEEDGEN_PLC_URL: appView.url,
      FEEDGEN_ALLOW_LOCAL_NETWORK: 'true',
      FEEDGEN_KEEP_RECORDS: isKept,
    }
    const app = own.use(await runApp({ feeds: FEEDS, env }))
    await app.untilCommitted(timeUs)
    return { app, [Symbol.asyncDispose]: () => own.disposeAsync() }
  }

  test('the stored record stands in, and nobody is asked where nobody is named', async () => {
    await using bench = await openWith('none')
    const text = await (await bench.app.get('/feeds/art')).text()
    expect(text).toContain('stored &lt;script&gt;')
    expect(text).not.toContain('<script')
  })

  test('without records there are address and time', async () => {
    await using bench = await openWith('none', 'false')
    const text = await (await bench.app.get('/feeds/art')).text()
    expect(text).toContain('Its text cannot be fetched at the moment')
    expect(text).toContain(`https://bsky.app/profile/${did(1)}/post/`)
    expect(text).not.toContain('stored')
  })

  test.each<[string, NonNullable<AppViewServer['failure']>]>([
    ['that is away', { status: 502 }],
    ['that has had enough', { status: 429, headers: { 'retry-after': '60' } }],
  ])('an AppView %s holds up no page for long', async (_, failure) => {
    appView.failure = failure
    await using bench = await openWith(appView.url)
    const startedAt = performance.now()
    const text = await (await bench.app.get('/feeds/art')).text()
    expect(performance.now() - startedAt).toBeLessThan(2_500)
    expect(text).toContain('stored')
    const before = appView.calls.length
    await bench.app.get('/feeds/top')
    await bench.app.get('/feeds/art.rss')
    // It is left alone for a while.
    expect(appView.calls.length).toBe(before)
    expect(bench.app.logs.map(({ event }) => event)).toContain('appViewNotRead')
  })

  test('what an AppView says too late for one page is there for the next one', async () => {
    appView.failure = { waitMs: 2_000 }
    await using bench = await openWith(appView.url)
    const startedAt = performance.now()
    const text = await (await bench.app.get('/feeds/art')).text()
    expect(performance.now() - startedAt).toBeLessThan(1_800)
    expect(text).toContain('stored')
    await until(async () =>
      (await (await bench.app.get('/feeds/art')).text()).includes(
        'only to people who are logged in',
      ),
    )
  })
})
