import {
  SERVICE_DID,
  didDocument,
  examineHere,
  feedUri,
  forFeed,
  health,
  html,
  json,
  recordOf,
  skeleton,
} from '../support/doctorBench.ts'
import type { Route } from '../support/doctorBench.ts'
import {
  DID_JSON,
  HEALTH,
  MISCONFIGURED,
  MISSING,
  OFFLINE,
  RECORDS,
  SKELETON,
  UNKNOWN,
  VIEW,
  artPage,
  firstPosts,
  testFaults,
} from '../support/doctorCases.ts'
import type { Case } from '../support/doctorCases.ts'

const DESCRIBE = '/xrpc/app.bsky.feed.describeFeedGenerator'
const FEED = '/xrpc/app.bsky.feed.getFeed'
const BAD_RESPONSE = /gave a bad response/

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
testFaults(others, examineHere)
