import {
  SERVICE_DID,
  didDocument,
  examine,
  forFeed,
  health,
  html,
  json,
  recordOf,
  silent,
  skeleton,
} from '../support/doctorBench.ts'
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
  post,
  testFaults,
} from '../support/doctorCases.ts'
import type { Case } from '../support/doctorCases.ts'

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

testFaults(usual, examine)
