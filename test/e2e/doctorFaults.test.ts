import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { createAuthority, createSelfSigned, DAY_MS } from '../support/certificates.ts'
import { temporaryFolder } from '../support/databases.ts'
import {
  SERVICE_DID,
  didDocument,
  examine,
  examineHere,
  feedUri,
  forFeed,
  health,
  html,
  json,
  recordOf,
  silent,
  skeleton,
} from '../support/doctorBench.ts'
import type { Bench, Route } from '../support/doctorBench.ts'

const DID_JSON = '/.well-known/did.json'
const DESCRIBE = '/xrpc/app.bsky.feed.describeFeedGenerator'
const SKELETON = '/xrpc/app.bsky.feed.getFeedSkeleton'
const HEALTH = '/xrpc/_health'
const RECORDS = '/xrpc/com.atproto.repo.listRecords'
const VIEW = '/xrpc/app.bsky.feed.getFeedGenerator'
const FEED = '/xrpc/app.bsky.feed.getFeed'

/** Several commands at once on a busy machine take their time. */
const TIMEOUT_MS = 120_000
/** Where the service is asked by plain http, on loopback. */
const USUAL = ['configuration warning', 'dns skipped', 'tls skipped']
const OFFLINE = /appears to be offline/
const MISCONFIGURED = /appears to be misconfigured/
const BAD_RESPONSE = /gave a bad response/
const UNKNOWN = /some kind of issue occurred/
const MISSING = /trouble finding this feed/

interface Case extends Bench {
  readonly fault: string
  /** All that is not ok, beside the usual. */
  readonly troubles: readonly string[]
  readonly says: RegExp
  /** Undefined where the app has no words for it. */
  readonly readers?: RegExp
  /** Default: 1. */
  readonly code?: number
}

/** Answers all that is about `art` with this page. */
const artPage = (body: object): { [SKELETON]: Route } => ({
  [SKELETON]: forFeed('art', json(body), skeleton),
})

const post = (index: number): { post: string } => ({
  post: `at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/art${index}`,
})
const firstPosts = (count: number) => Array.from({ length: count }, (_, index) => post(index))

const endless: Route = (_query, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  const chunk = Buffer.alloc(256 * 1024, ' ')
  const more = (): void => {
    while (!response.destroyed && response.write(chunk)) {
      // Until the other side is full; it goes on when that is read.
    }
  }
  response.on('drain', more)
  more()
}

/** The most usual, by a process each, as a user runs it. */
const usual: readonly Case[] = [
  {
    fault: 'no DID document',
    service: { [DID_JSON]: json({ error: 'NotFound' }, 404) },
    troubles: ['did failure'],
    says: /HTTP 404 .*there is no DID document.*could not resolve identity did:web:feeds/,
    readers: UNKNOWN,
  },
  {
    fault: 'HTML instead of the DID document',
    service: { [DID_JSON]: html(200, 'My site') },
    troubles: ['did failure'],
    says: /is HTML instead of JSON: 'My site'/,
    readers: UNKNOWN,
  },
  {
    fault: 'a wrong service id',
    service: { [DID_JSON]: json(didDocument({ id: '#feed' })) },
    troubles: ['did failure'],
    says: /the id of its service is '#feed', not '#bsky_fg': invalid feed generator service/,
    readers: MISCONFIGURED,
  },
  {
    fault: 'a wrong service type',
    service: { [DID_JSON]: json(didDocument({ type: 'AtprotoFeedGenerator' })) },
    troubles: ['did failure'],
    says: /the type of '#bsky_fg' is 'AtprotoFeedGenerator', not 'BskyFeedGenerator'/,
    readers: MISCONFIGURED,
  },
  {
    fault: 'a wrong endpoint',
    service: { [DID_JSON]: json(didDocument({ serviceEndpoint: 'http://10.0.0.7:3000' })) },
    troubles: ['did failure'],
    says: /serviceEndpoint is 'http:\/\/10.0.0.7:3000', not https:\/\/feeds.tagfeed.dev/,
    readers: OFFLINE,
  },
  {
    fault: 'a wrong did in a record',
    network: {
      [RECORDS]: json({
        records: [recordOf('art', { did: 'did:web:old.tagfeed.dev' }), recordOf('cats')],
      }),
    },
    troubles: ['record/art failure'],
    says: /its record is a feed of another service \(did:web:old.tagfeed.dev\), not of did:web:feeds/,
    readers: UNKNOWN,
  },
  {
    fault: 'a feed that is not published',
    network: { [RECORDS]: json({ records: [recordOf('art')] }) },
    troubles: ['record/cats failure', 'appview/cats skipped'],
    says: /it is not published/,
    readers: MISSING,
  },
  {
    fault: 'an empty feed',
    service: artPage({ feed: [] }),
    troubles: ['skeleton/art warning'],
    says: /the feed is empty/,
    readers: /This feed is empty!/,
    code: 0,
  },
  {
    fault: 'a slow answer',
    service: { [SKELETON]: forFeed('art', silent, skeleton) },
    troubles: ['skeleton/art failure'],
    says: /page 1: there was no whole answer within 5 s.*feed unavailable/,
    readers: OFFLINE,
  },
  {
    fault: 'posts that are repeated on the next page',
    service: {
      [SKELETON]: forFeed(
        'art',
        (query, response) => {
          const from = Number(query.get('cursor') ?? 0)
          const feed = Array.from({ length: 30 }, (_, index) => post(from + index))
          json({ feed, cursor: String(from + 25) })(query, response)
        },
        skeleton,
      ),
    },
    troubles: ['skeleton/art failure'],
    says: /page 2: 5 of 30 posts are repeated, such as 'at:/,
  },
  {
    fault: 'a cursor that never ends',
    service: {
      [SKELETON]: forFeed(
        'art',
        (query, response) => {
          const cursor = `${Number(query.get('cursor') ?? 0) + 1}`
          json({ feed: firstPosts(30), cursor })(query, response)
        },
        skeleton,
      ),
    },
    troubles: ['skeleton/art failure'],
    says: /page 2: every post was on an earlier page: the cursor never ends/,
  },
  {
    fault: 'an unknown feed that is answered',
    service: {
      [SKELETON]: (query, response) => {
        const isKnown = /\/(art|cats)$/.test(query.get('feed') ?? '')
        const route = isKnown ? skeleton : json({ feed: [] })
        route(query, response)
      },
    },
    troubles: ['skeleton failure'],
    says: /an unknown feed is answered with HTTP 200, not with 400 UnknownFeed/,
  },
  {
    fault: 'a service that lags behind',
    service: {
      [HEALTH]: health({ lagMs: 10_800_000 }),
      '/ready': json({ ready: false, reasons: ['the stream is 10800 s behind'] }, 503),
    },
    troubles: ['ingest failure'],
    says: /the service is 3 hours behind the stream/,
  },
  {
    fault: 'an AppView that is away',
    appView: 'http://127.0.0.1:2',
    troubles: ['appview warning'],
    says: /http:\/\/127.0.0.1:2 could not be asked: nobody listens there/,
    code: 0,
  },
  {
    fault: 'an AppView that says the feed is offline',
    network: { [VIEW]: json({ view: { did: SERVICE_DID }, isOnline: false, isValid: true }) },
    troubles: ['appview/art failure', 'appview/cats failure'],
    says: /the AppView says that the feed is offline \(isOnline 'false'/,
    readers: OFFLINE,
  },
]

const others: readonly Case[] = [
  {
    fault: 'a redirect instead of the DID document',
    service: { [DID_JSON]: json({}, 301, { location: 'https://www.tagfeed.dev/' }) },
    troubles: ['did failure'],
    says: /HTTP 301, a redirect to 'https:\/\/www.tagfeed.dev\/'/,
    readers: UNKNOWN,
  },
  {
    fault: 'the DID document of somebody else',
    service: { [DID_JSON]: json(didDocument({}, 'did:web:other.tagfeed.dev')) },
    troubles: ['did failure'],
    says: /document of 'did:web:other.tagfeed.dev', not of did:web:feeds/,
    readers: UNKNOWN,
  },
  {
    fault: 'a DID document without services',
    service: { [DID_JSON]: json({ id: SERVICE_DID }) },
    troubles: ['did failure'],
    says: /has no service '#bsky_fg': invalid feed generator service details/,
    readers: MISCONFIGURED,
  },
  {
    fault: 'an endpoint that is no URL',
    service: { [DID_JSON]: json(didDocument({ serviceEndpoint: 'feeds.tagfeed.dev' })) },
    troubles: ['did failure'],
    says: /serviceEndpoint of '#bsky_fg' is 'feeds.tagfeed.dev', which is no URL/,
    readers: MISCONFIGURED,
  },
  {
    fault: 'a did:plc without the service',
    service: { [DESCRIBE]: json({ did: 'did:plc:serviceserviceserviceser', feeds: [] }) },
    network: {
      '/did:plc:serviceserviceserviceser': json({ id: 'did:plc:serviceserviceserviceser' }),
      [RECORDS]: json({ records: [recordOf('art', { did: 'did:plc:serviceserviceserviceser' })] }),
      [VIEW]: json({
        view: { did: 'did:plc:serviceserviceserviceser' },
        isOnline: true,
        isValid: true,
      }),
    },
    env: { FEEDGEN_SERVICE_DID: 'did:plc:serviceserviceserviceser' },
    only: 'art',
    troubles: ['did failure', 'describe/art failure'],
    says: /serviceserviceserviceser: it has no service '#bsky_fg'/,
    readers: MISCONFIGURED,
  },
  {
    fault: 'another service behind the host name',
    service: { [DESCRIBE]: json({ did: 'did:web:other.tagfeed.dev', feeds: [] }) },
    troubles: ['describe failure'],
    says: /the service is 'did:web:other.tagfeed.dev', not did:web:feeds/,
  },
  {
    fault: 'a feed that the service does not serve',
    service: { [DESCRIBE]: json({ did: SERVICE_DID, feeds: [{ uri: feedUri('art') }] }) },
    troubles: ['describe/cats failure'],
    says: /the service does not serve at:\/\/did:plc:publisher.*\/cats/,
  },
  {
    fault: 'a description that never ends',
    service: { [DESCRIBE]: endless },
    troubles: ['describe failure'],
    says: /larger than \d+ bytes/,
  },
  {
    fault: 'a published feed that is in no file, and one with an old name',
    network: {
      [RECORDS]: json({
        records: [recordOf('art', { displayName: 'Arts' }), recordOf('cats'), recordOf('dogs')],
      }),
    },
    troubles: ['record/art warning', 'record/dogs warning'],
    says: /differs from feeds.yaml: displayName/,
    code: 0,
  },
  {
    fault: 'a publisher that nobody knows',
    env: { FEEDGEN_PUBLISHER_DID: 'did:plc:nobodynobodynobodynobody' },
    service: {
      [DESCRIBE]: json({
        did: SERVICE_DID,
        feeds: ['art', 'cats'].map((rkey) => ({
          uri: `at://did:plc:nobodynobodynobodynobody/app.bsky.feed.generator/${rkey}`,
        })),
      }),
    },
    troubles: ['record failure'],
    says: /did:plc:nobodynobodynobodynobody cannot be found/,
  },
  {
    fault: 'an account that is not active',
    network: {
      [RECORDS]: json({ error: 'RepoNotFound', message: 'Could not find repo' }, 400),
      '/xrpc/com.atproto.sync.getRepoStatus': json({ active: false, status: 'deactivated' }),
    },
    troubles: ['record failure'],
    says: /deactivated/,
  },
  {
    fault: 'a repository that cannot be read',
    network: { [RECORDS]: html(503, 'Down') },
    troubles: ['record warning'],
    says: /the repository cannot be read: .* answers 503/,
    code: 0,
  },
  {
    fault: 'a feed that is refused',
    service: {
      [SKELETON]: forFeed('art', json({ error: 'Broken', message: 'Sorry' }, 500), skeleton),
    },
    troubles: ['skeleton/art failure'],
    says: /page 1: HTTP 500 Broken: Sorry/,
    readers: UNKNOWN,
  },
  {
    fault: 'too many readers',
    service: { [SKELETON]: forFeed('art', json({ error: 'Busy' }, 429), skeleton) },
    troubles: ['skeleton/art failure'],
    says: /HTTP 429/,
    readers: /currently receiving high traffic/,
  },
  {
    fault: 'a page in HTML',
    service: { [SKELETON]: forFeed('art', html(200, 'Hello'), skeleton) },
    troubles: ['skeleton/art failure'],
    says: /the feed provided an invalid response: it is HTML instead of JSON/,
    readers: BAD_RESPONSE,
  },
  {
    fault: 'an at-uri with a handle',
    service: artPage({ feed: [{ post: 'at://alice.tagfeed.dev/app.bsky.feed.post/1' }] }),
    troubles: ['skeleton/art failure'],
    says: /'at:\/\/alice.tagfeed.dev\/app.bsky.feed.post\/1' is no at-uri of a post, with a DID/,
    readers: BAD_RESPONSE,
  },
  {
    fault: 'a null cursor',
    service: artPage({ feed: firstPosts(1), cursor: null }),
    troubles: ['skeleton/art failure'],
    says: /the cursor is 'null', not a text/,
    readers: BAD_RESPONSE,
  },
  {
    fault: 'more posts than asked for',
    service: artPage({ feed: firstPosts(50) }),
    troubles: ['skeleton/art failure'],
    says: /50 posts where 30 were asked for/,
    readers: BAD_RESPONSE,
  },
  {
    fault: 'a cursor that stands still',
    service: {
      [SKELETON]: forFeed(
        'art',
        (query, response) => {
          const from = query.has('cursor') ? 30 : 0
          const feed = firstPosts(60).slice(from, from + 30)
          json({ feed, cursor: 'same' })(query, response)
        },
        skeleton,
      ),
    },
    troubles: ['skeleton/art failure'],
    says: /page 2: the cursor of the page is the one it was asked with/,
  },
  {
    fault: 'an empty page with a cursor',
    service: artPage({ feed: [], cursor: 'more' }),
    troubles: ['skeleton/art failure'],
    says: /page 1: an empty page with a cursor/,
  },
  {
    fault: 'a stream of which nothing comes any more',
    service: {
      [HEALTH]: (query, response) => {
        const positionUs = (Date.now() - 600_000) * 1000
        health({ positionUs, lagMs: 80 })(query, response)
      },
    },
    troubles: ['ingest failure'],
    says: /the service is 10 minutes behind the stream/,
  },
  {
    fault: 'a stream that is not connected',
    service: { [HEALTH]: health({ connected: false, problem: 'all hosts refuse' }) },
    troubles: ['ingest failure'],
    says: /not connected to the stream.*all hosts refuse/,
  },
  {
    fault: 'a service that is not ready',
    service: { '/ready': json({ ready: false, reasons: ['art has no ranking yet'] }, 503) },
    troubles: ['ingest failure'],
    says: /not ready: art has no ranking yet/,
  },
  {
    fault: 'a wrong clock',
    service: {
      [HEALTH]: (query, response) => {
        response.setHeader('date', new Date(Date.now() - 900_000).toUTCString())
        health()(query, response)
      },
    },
    troubles: ['clock failure'],
    says: /the clock of the service is (899|90\d) s behind that of the AppView/,
  },
  {
    fault: 'an AppView that does not know the feed',
    network: {
      [VIEW]: forFeed(
        'art',
        json({ error: 'InvalidRequest', message: 'could not find feed' }, 400),
        json({ view: { did: SERVICE_DID }, isOnline: true, isValid: true }),
      ),
    },
    troubles: ['appview/art failure'],
    says: /could not find feed/,
    readers: MISSING,
  },
  {
    fault: 'an AppView that gets no answer from the feed',
    network: { [FEED]: json({ error: 'UpstreamFailure', message: 'feed unavailable' }, 502) },
    only: 'cats',
    troubles: ['appview/cats failure'],
    says: /HTTP 502 UpstreamFailure: feed unavailable/,
    readers: OFFLINE,
  },
  {
    fault: 'a proxy whose service is down',
    service: { [HEALTH]: html(502, 'Bad Gateway') },
    troubles: [
      'service failure',
      'did skipped',
      'describe skipped',
      'skeleton skipped',
      'clock skipped',
      'ingest skipped',
    ],
    says: /the TLS proxy at http.* answers, the service behind it does not: HTTP 502/,
    readers: UNKNOWN,
  },
]

const examinations = [
  ...usual.map((broken) => ({ ...broken, run: examine })),
  ...others.map((broken) => ({ ...broken, run: examineHere })),
]

describe.concurrent('the doctor names', { timeout: TIMEOUT_MS }, () => {
  test.for(examinations)('$fault', async ({ run, ...broken }, { expect }) => {
    const { code, findings, troubles } = await run(broken)
    expect(troubles).toEqual([...USUAL, ...broken.troubles])
    const found = findings.find(({ message }) => broken.says.test(message))
    expect(found, JSON.stringify(findings, null, 1)).toBeDefined()
    expect(found?.verdict).not.toBe('ok')
    expect(found?.advice).toMatch(/\w/)
    expect(found?.readersSee ?? '').toMatch(broken.readers ?? /^$/)
    expect(code).toBe(broken.code ?? 1)
  })
})

/** What is left out when the service cannot be reached. */
const UNREACHED = ['did', 'describe', 'skeleton', 'clock', 'ingest'].map(
  (check) => `${check} skipped`,
)

describe.concurrent(
  'the doctor names what keeps Bluesky from the service',
  { timeout: TIMEOUT_MS },
  () => {
    test('nobody listens', async ({ expect }) => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      server.close()
      await once(server, 'close')
      const { code, findings, troubles } = await examine({ url: `http://127.0.0.1:${port}` })
      expect(troubles).toEqual([...USUAL, 'service failure', ...UNREACHED])
      const failure = findings.find(({ verdict }) => verdict === 'failure')
      expect(failure?.message).toMatch(/nobody listens there \(connection refused\)/)
      expect(failure?.readersSee).toMatch(OFFLINE)
      expect(findings.find(({ check }) => check === 'did')?.message).toMatch(/cannot be reached/)
      expect(code).toBe(1)
    })

    test('a host name without an address', async ({ expect }) => {
      const { code, findings, troubles } = await examine({ url: 'http://nowhere.invalid' })
      expect(troubles).toEqual([
        'configuration warning',
        'dns failure',
        'tls skipped',
        'service skipped',
        ...UNREACHED,
      ])
      expect(findings.find(({ check }) => check === 'dns')?.message).toMatch(
        /nowhere.invalid: (the host name has no address|no name server gave an answer)/,
      )
      expect(code).toBe(1)
    })

    test('a server that says nothing', async ({ expect }) => {
      const { code, findings, troubles } = await examineHere({ service: { [HEALTH]: silent } })
      expect(troubles).toEqual([...USUAL, 'service failure', ...UNREACHED])
      expect(findings.find(({ verdict }) => verdict === 'failure')?.message).toMatch(/within 10 s/)
      expect(code).toBe(1)
    })

    test('something that speaks no HTTP', async ({ expect }) => {
      const server = createServer((socket) => {
        socket.on('error', () => {})
        socket.end('220 mail.tagfeed.dev ESMTP\r\n')
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const { findings, troubles } = await examineHere({ url: `http://127.0.0.1:${port}` })
      server.close()
      expect(troubles).toEqual([...USUAL, 'service failure', ...UNREACHED])
      expect(findings.find(({ verdict }) => verdict === 'failure')?.message).toMatch(
        /speaks no HTTP/,
      )
    })
  },
)

describe.concurrent('the doctor judges a certificate', { timeout: TIMEOUT_MS }, () => {
  const authority = createAuthority()
  const secured = ['configuration warning', 'dns skipped']
  const refused = ['tls failure', 'service skipped', ...UNREACHED]
  const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS)

  const folder = temporaryFolder()
  const path = join(folder.path, 'authority.pem')
  /** The doctor trusts the authority, as it trusts the public ones. */
  const env = { NODE_EXTRA_CA_CERTS: path }
  beforeAll(() => {
    writeFileSync(path, authority.pem)
    setDefaultCACertificates([...getCACertificates('default'), authority.pem])
  })
  afterAll(() => folder[Symbol.dispose]())

  test('that is good', async ({ expect }) => {
    const { code, findings, troubles } = await examine({ env, secure: authority.issue() })
    expect(troubles).toEqual(secured)
    expect(findings.find(({ check }) => check === 'tls')?.message).toMatch(
      /is good until .*36\d days/,
    )
    expect(code).toBe(0)
  })

  test('that ends soon', async ({ expect }) => {
    const secure = authority.issue({ from: inDays(-80), to: inDays(3.5) })
    const { code, findings, troubles } = await examineHere({ secure })
    expect(troubles).toEqual([...secured, 'tls warning'])
    expect(findings.find(({ check }) => check === 'tls')?.message).toMatch(/ends in 3 days/)
    expect(code).toBe(0)
  })

  test('that lives for some days alone', async ({ expect }) => {
    const secure = authority.issue({ from: inDays(-1), to: inDays(5) })
    expect((await examineHere({ secure })).troubles).toEqual(secured)
  })

  test.for([
    {
      fault: 'that has expired',
      secure: authority.issue({ from: inDays(-90), to: inDays(-1) }),
      says: /the certificate has expired \(for IP Address:127.0.0.1, until \d{4}-/,
      run: examine,
    },
    {
      fault: 'that is not valid yet',
      secure: authority.issue({ from: inDays(1) }),
      says: /not valid yet/,
    },
    {
      fault: 'for another host name',
      secure: authority.issue({ names: ['www.tagfeed.dev'] }),
      says: /for another host name \(for DNS:www.tagfeed.dev/,
      run: examine,
    },
    { fault: 'that is self-signed', secure: createSelfSigned(), says: /self-signed/ },
    {
      fault: 'without the rest of its chain',
      secure: authority.subordinate().issue(),
      says: /chain is incomplete/,
    },
  ])('$fault', async ({ secure, says, run = examineHere }, { expect }) => {
    const { code, findings, troubles } = await run({ env, secure })
    expect(troubles).toEqual([...secured, ...refused])
    const found = findings.find(({ check }) => check === 'tls')
    expect(found?.message).toMatch(says)
    expect(found?.readersSee).toMatch(OFFLINE)
    expect(code).toBe(1)
  })

  test('where there is none', async ({ expect }) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { findings, troubles } = await examineHere({ url: `https://127.0.0.1:${port}` })
    server.close()
    expect(troubles).toEqual([...secured, ...refused])
    expect(findings.find(({ check }) => check === 'tls')?.message).toMatch(/speaks no TLS/)
  })
})
