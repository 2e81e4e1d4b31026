import { isValidDid } from '@atproto/syntax'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  configVariables,
  describeConfig,
  localServiceDid,
  readConfig,
  type Config,
  type Environment,
} from './config.ts'
import { ConfigError } from './errors.ts'

const plc = 'did:plc:z72i7hdynmk6r22z27h6tvur'
const jetstream = 'wss://jetstream.example.net/subscribe'

function problemsOf(env: Environment): readonly string[] {
  try {
    readConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems
    }
    throw error
  }
}

const label63 = 'a'.repeat(63)

/** A value other than the default for each variable, and what it becomes. */
const samples: { [Key in keyof Config]: [text: string, value: Config[Key]] } = {
  hostname: ['Feed.Example.net', 'feed.example.net'],
  serviceDid: [plc, plc],
  publisherDid: [plc, plc],
  publisherPassword: ['abcd-efgh', 'abcd-efgh'],
  port: ['8080', 8080],
  listenHost: ['0.0.0.0', '0.0.0.0'],
  feedsFile: ['my/feeds.yaml', 'my/feeds.yaml'],
  privacyPolicyUrl: ['https://example.net/privacy?x=1', 'https://example.net/privacy?x=1'],
  termsOfServiceUrl: ['http://example.net/terms', 'http://example.net/terms'],
  databaseUrl: ['postgres://u:p@db/tagfeed', 'postgres://u:p@db/tagfeed'],
  databaseReadUrls: [
    'postgres://r1/x, postgresql://r2/x',
    ['postgres://r1/x', 'postgresql://r2/x'],
  ],
  indexTags: ['feeds', 'feeds'],
  retentionDays: ['1.5', 1.5],
  jetstreamUrls: [
    `${jetstream}, ws://127.0.0.1:6008/subscribe`,
    [jetstream, 'ws://127.0.0.1:6008/subscribe'],
  ],
  jetstreamIdleMs: ['5', 5_000],
  backfillHours: ['0.25', 0.25],
  plcUrl: ['http://127.0.0.1:2582/', 'http://127.0.0.1:2582'],
  allowLocalNetwork: ['true', true],
  roles: ['serve, rank', new Set(['serve', 'rank'])],
  logLevel: ['debug', 'debug'],
}
const keys = Object.keys(configVariables).filter((key): key is keyof Config => key in samples)

describe('defaults', () => {
  test('need no environment at all', () => {
    expect(readConfig({})).toEqual({
      hostname: undefined,
      serviceDid: undefined,
      publisherDid: undefined,
      publisherPassword: undefined,
      port: 3000,
      listenHost: '127.0.0.1',
      feedsFile: 'feeds.yaml',
      privacyPolicyUrl: undefined,
      termsOfServiceUrl: undefined,
      databaseUrl: 'sqlite:data/tagfeed.db',
      databaseReadUrls: [],
      indexTags: 'all',
      retentionDays: 30,
      jetstreamUrls: [
        'wss://jetstream1.us-east.bsky.network/subscribe',
        'wss://jetstream2.us-east.bsky.network/subscribe',
        'wss://jetstream1.us-west.bsky.network/subscribe',
        'wss://jetstream2.us-west.bsky.network/subscribe',
        'wss://jetstream.us-east.bsky.network/subscribe',
        'wss://jetstream.us-west.bsky.network/subscribe',
      ],
      jetstreamIdleMs: 30_000,
      backfillHours: 2,
      plcUrl: 'https://plc.directory',
      allowLocalNetwork: false,
      roles: new Set(['ingest', 'rank', 'serve']),
      logLevel: 'info',
    })
  })

  test.each(['', ' ', '\t\n'])('hold for the empty value %j of every variable', (blank) => {
    const env = Object.fromEntries(Object.values(configVariables).map(({ name }) => [name, blank]))
    expect(readConfig(env)).toEqual(readConfig({}))
  })

  test('are frozen with what they hold', () => {
    const config = readConfig({})
    for (const value of [config, config.jetstreamUrls, config.databaseReadUrls, config.roles]) {
      expect(Object.isFrozen(value)).toBe(true)
    }
  })
})

describe('every variable', () => {
  test('has a sample in this test', () => {
    expect(keys).toEqual(Object.keys(configVariables))
    expect(Object.keys(samples).sort()).toEqual([...keys].sort())
  })

  test.each(keys)('reaches the field %s', (key) => {
    const [text, value] = samples[key]
    const postgres = key === 'databaseReadUrls' ? { FEEDGEN_DATABASE_URL: 'postgres://db/x' } : {}
    const config = readConfig({ ...postgres, [configVariables[key].name]: ` ${text} ` })
    expect(config[key]).toEqual(value)
    expect(config[key]).not.toEqual(readConfig({})[key])
  })

  test('has a name of its own', () => {
    const names = Object.values(configVariables).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.every((name) => /^FEEDGEN_[A-Z_]+$/u.test(name))).toBe(true)
  })
})

/** Accepted texts by variable. */
const goodValues: [name: string, text: string][] = [
  ['FEEDGEN_HOSTNAME', 'feed.test'],
  ['FEEDGEN_HOSTNAME', 'xn--bcher-kva.example'],
  ['FEEDGEN_HOSTNAME', `${label63}.${label63}.${label63}.${'a'.repeat(61)}`],
  ['FEEDGEN_HOSTNAME', '1.2.3.4x'],
  ['FEEDGEN_SERVICE_DID', 'did:web:localhost%3A3000'],
  ['FEEDGEN_SERVICE_DID', 'did:web:localhost%3a3000'],
  ['FEEDGEN_PUBLISHER_DID', 'did:web:alice.example.net'],
  ['FEEDGEN_PORT', '0'],
  ['FEEDGEN_PORT', '65535'],
  ['FEEDGEN_LISTENHOST', '::'],
  ['FEEDGEN_LISTENHOST', 'localhost'],
  ['FEEDGEN_DATABASE_URL', 'sqlite:/data/tagfeed.db'],
  ['FEEDGEN_DATABASE_URL', 'sqlite:C:\\data\\tagfeed.db'],
  ['FEEDGEN_DATABASE_URL', 'postgres:///tagfeed?host=/run/postgresql'],
  ['FEEDGEN_DATABASE_URL', 'postgresql://u:p%23%2F@[::1]:5432/tagfeed?sslmode=require'],
  ['FEEDGEN_JETSTREAM_URLS', 'ws://localhost:1/subscribe'],
  ['FEEDGEN_JETSTREAM_IDLE_SECONDS', '1'],
  ['FEEDGEN_JETSTREAM_IDLE_SECONDS', '3600'],
  ['FEEDGEN_BACKFILL_HOURS', '0'],
  ['FEEDGEN_BACKFILL_HOURS', '36'],
  ['FEEDGEN_RETENTION_DAYS', '1'],
  ['FEEDGEN_RETENTION_DAYS', '36500'],
  ['FEEDGEN_ROLES', 'ingest'],
  ['FEEDGEN_LOG_LEVEL', 'silent'],
]

test.each(goodValues)('%s may be %j', (name, text) => {
  expect(problemsOf({ [name]: text })).toEqual([])
})

/** Refused texts by variable, with the part of the problem that tells why. */
const badValues: [name: string, text: string, why: string][] = [
  ['FEEDGEN_HOSTNAME', 'https://feed.example.net', 'without scheme'],
  ['FEEDGEN_HOSTNAME', 'feed.example.net:443', 'without port'],
  ['FEEDGEN_HOSTNAME', 'feed.example.net/', 'without path'],
  ['FEEDGEN_HOSTNAME', 'feed.example.net?x', 'without path'],
  ['FEEDGEN_HOSTNAME', '203.0.113.7', 'not an IP address'],
  ['FEEDGEN_HOSTNAME', '203.0.113.7:80', 'not an IP address'],
  ['FEEDGEN_HOSTNAME', '10.1', 'not an IP address'],
  ['FEEDGEN_HOSTNAME', '0x7f000001', 'not an IP address'],
  ['FEEDGEN_HOSTNAME', '::1', 'not an IP address'],
  ['FEEDGEN_HOSTNAME', '[2001:db8::1]:443', 'not an IP address'],
  ['FEEDGEN_HOSTNAME', 'localhost', 'local mode'],
  ['FEEDGEN_HOSTNAME', 'LOCALHOST:3000', 'local mode'],
  ['FEEDGEN_HOSTNAME', 'feed.localhost', 'local mode'],
  ['FEEDGEN_HOSTNAME', 'feed.example.net.', 'dot at the end'],
  ['FEEDGEN_HOSTNAME', 'feed', 'with a dot in it'],
  ['FEEDGEN_HOSTNAME', 'my_feed.example.net', 'letters, digits and hyphens'],
  ['FEEDGEN_HOSTNAME', '-feed.example.net', 'letters, digits and hyphens'],
  ['FEEDGEN_HOSTNAME', 'feed..example.net', 'letters, digits and hyphens'],
  ['FEEDGEN_HOSTNAME', 'bücher.example', 'xn--'],
  ['FEEDGEN_HOSTNAME', `${label63}a.net`, '1 to 63 characters'],
  ['FEEDGEN_HOSTNAME', `${label63}.${label63}.${label63}.${'a'.repeat(62)}`, '253'],
  ['FEEDGEN_SERVICE_DID', 'did:plc:tooshort', '24'],
  ['FEEDGEN_SERVICE_DID', 'did:plc:Z72I7HDYNMK6R22Z27H6TVUR', '24'],
  ['FEEDGEN_SERVICE_DID', `${plc}#bsky_fg`, 'without the #'],
  ['FEEDGEN_SERVICE_DID', 'did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF', 'did:web:'],
  ['FEEDGEN_SERVICE_DID', 'feed.example.net', 'did:plc: or did:web:'],
  ['FEEDGEN_SERVICE_DID', 'did:web:feed.example.net:path', 'public host name'],
  ['FEEDGEN_SERVICE_DID', 'did:web:feed.example.net', 'set FEEDGEN_HOSTNAME to feed.example.net'],
  ['FEEDGEN_SERVICE_DID', 'did:web:localhost%3A4000', 'did:web:localhost%3A3000'],
  ['FEEDGEN_SERVICE_DID', 'did:web:localhost', 'public host name'],
  ['FEEDGEN_PUBLISHER_DID', 'alice.example.net', 'give a DID'],
  ['FEEDGEN_PUBLISHER_DID', 'did:web:', 'public host name'],
  ['FEEDGEN_PORT', '3e3', 'whole number from 0 to 65535'],
  ['FEEDGEN_PORT', '0x10', 'whole number'],
  ['FEEDGEN_PORT', '-1', 'whole number'],
  ['FEEDGEN_PORT', '03000', 'whole number'],
  ['FEEDGEN_PORT', '3000.0', 'whole number'],
  ['FEEDGEN_PORT', '３０００', 'whole number'],
  ['FEEDGEN_PORT', '65536', 'whole number'],
  ['FEEDGEN_PORT', '9'.repeat(400), 'whole number'],
  ['FEEDGEN_LISTENHOST', '127.0.0.1:3000', 'alone'],
  ['FEEDGEN_LISTENHOST', 'http://localhost', 'alone'],
  ['FEEDGEN_LISTENHOST', '300.0.0.1', 'alone'],
  ['FEEDGEN_DATABASE_URL', 'sqlite::memory:', 'lost at every stop'],
  ['FEEDGEN_DATABASE_URL', 'sqlite: :memory:', 'lost at every stop'],
  ['FEEDGEN_DATABASE_URL', 'sqlite:', 'path of a file'],
  ['FEEDGEN_DATABASE_URL', 'sqlite://data/tagfeed.db', 'path of a file'],
  ['FEEDGEN_DATABASE_URL', 'data/tagfeed.db', 'sqlite:PATH'],
  ['FEEDGEN_DATABASE_URL', 'mysql://host/x', 'sqlite:PATH'],
  ['FEEDGEN_DATABASE_URL', 'postgres:host/x', 'postgres://'],
  ['FEEDGEN_DATABASE_URL', 'postgres://u:12/34@host/x', 'percent-encoded'],
  ['FEEDGEN_DATABASE_URL', 'postgres://u:12#34@host/x', 'percent-encoded'],
  ['FEEDGEN_DATABASE_URL', 'postgres://u:12?34@host/x', 'percent-encoded'],
  ['FEEDGEN_DATABASE_URL', 'postgres://u:12%zz@host/x', 'percent-encoded'],
  ['FEEDGEN_DATABASE_READ_URL', 'postgres://replica/x', 'SQLite has no replicas'],
  ['FEEDGEN_DATABASE_READ_URL', 'sqlite:replica.db', 'entry 1: give postgres://'],
  ['FEEDGEN_JETSTREAM_URLS', 'https://jetstream.example.net/subscribe', 'wss:// or ws://'],
  ['FEEDGEN_JETSTREAM_URLS', 'jetstream.example.net', 'wss:// or ws://'],
  ['FEEDGEN_JETSTREAM_URLS', 'wss:jetstream.example.net/subscribe', 'wss:// or ws://'],
  ['FEEDGEN_JETSTREAM_URLS', 'wss://jetstream.example.net', 'exactly /subscribe'],
  ['FEEDGEN_JETSTREAM_URLS', `${jetstream}/`, 'exactly /subscribe'],
  ['FEEDGEN_JETSTREAM_URLS', `${jetstream}?cursor=1`, 'exactly /subscribe'],
  ['FEEDGEN_JETSTREAM_URLS', `${jetstream}#x`, 'exactly /subscribe'],
  ['FEEDGEN_JETSTREAM_URLS', 'wss://u:p@jetstream.example.net/subscribe', 'user name and password'],
  ['FEEDGEN_JETSTREAM_URLS', `${jetstream},`, 'entry 2: it is empty'],
  [
    'FEEDGEN_JETSTREAM_URLS',
    `${jetstream},${jetstream.toUpperCase().replace('SUBSCRIBE', 'subscribe')}`,
    'twice',
  ],
  ['FEEDGEN_JETSTREAM_IDLE_SECONDS', '0', '1 to 3600'],
  ['FEEDGEN_JETSTREAM_IDLE_SECONDS', '3601', '1 to 3600'],
  ['FEEDGEN_JETSTREAM_IDLE_SECONDS', '1.5', 'whole number'],
  ['FEEDGEN_BACKFILL_HOURS', '36.1', '0 to 36'],
  ['FEEDGEN_BACKFILL_HOURS', '1,5', 'after a point'],
  ['FEEDGEN_BACKFILL_HOURS', 'Infinity', 'number'],
  ['FEEDGEN_BACKFILL_HOURS', '-0', 'number'],
  ['FEEDGEN_PLC_URL', 'plc.directory', 'https://'],
  ['FEEDGEN_PLC_URL', 'https://plc.directory?x', 'query'],
  ['FEEDGEN_PLC_URL', 'https://u:p@plc.directory', 'user name'],
  ['FEEDGEN_ALLOW_LOCAL_NETWORK', '1', 'true or false'],
  ['FEEDGEN_ALLOW_LOCAL_NETWORK', 'TRUE', 'true or false'],
  ['FEEDGEN_INDEX_TAGS', 'some', 'all, feeds'],
  ['FEEDGEN_RETENTION_DAYS', '0.9', '1 to 36500'],
  ['FEEDGEN_RETENTION_DAYS', '36501', '1 to 36500'],
  ['FEEDGEN_PRIVACY_POLICY_URL', 'example.net/privacy', 'https://'],
  ['FEEDGEN_PRIVACY_POLICY_URL', 'javascript://alert(1)', 'https://'],
  ['FEEDGEN_TERMS_OF_SERVICE_URL', 'https://example.net/a b', 'https://'],
  ['FEEDGEN_ROLES', 'ingest,serve,ingest', 'entry 3: it is there twice'],
  ['FEEDGEN_ROLES', 'ingest,,serve', 'entry 2: it is empty'],
  ['FEEDGEN_ROLES', ',', 'it is empty'],
  ['FEEDGEN_ROLES', 'everything', 'ingest, rank, serve'],
  ['FEEDGEN_LOG_LEVEL', 'verbose', 'fatal, error, warn, info, debug, trace, silent'],
]

test.each(badValues)('%s is refused for %j and the reason says %j', (name, text, why) => {
  const problems = problemsOf({ [name]: text })
  expect(problems.join('\n')).toContain(why)
  expect(problems.every((problem) => problem.startsWith(name))).toBe(true)
})

describe('problems', () => {
  test('are all listed at once', () => {
    const problems = problemsOf({
      FEEDGEN_HOSTNAME: 'https://feed.example.net',
      FEEDGEN_PORT: 'abc',
      FEEDGEN_ROLES: 'ingest,rnak,,serve',
      FEEDGEN_DATABSE_URL: 'x',
      PATH: '/bin',
    })
    expect(problems).toEqual([
      "'FEEDGEN_DATABSE_URL' is no variable of tagfeed: did you mean FEEDGEN_DATABASE_URL? Otherwise remove it",
      "FEEDGEN_HOSTNAME is 'https://feed.example.net': give the bare host name without scheme, for example feed.example.net",
      "FEEDGEN_PORT is 'abc': give a whole number from 0 to 65535",
      "FEEDGEN_ROLES is 'ingest,rnak,,serve': entry 2: give one of ingest, rank, serve",
      "FEEDGEN_ROLES is 'ingest,rnak,,serve': entry 3: it is empty: remove a comma",
    ])
  })

  test('show at most 80 characters of a value, on one line', () => {
    const [problem] = problemsOf({ FEEDGEN_LOG_LEVEL: `a\n\u001B[31m${'b'.repeat(200)}` })
    const shown = /'(.*)'/su.exec(problem ?? '')?.[1] ?? ''
    expect(Array.from(shown)).toHaveLength(80)
    expect(problem).not.toMatch(/\p{Cc}/u)
  })

  test('of one variable hide no other and cause no false ones', () => {
    const problems = problemsOf({
      FEEDGEN_HOSTNAME: 'feed',
      FEEDGEN_SERVICE_DID: 'did:web:feed.example.net',
      FEEDGEN_DATABASE_URL: 'mysql://x',
      FEEDGEN_DATABASE_READ_URL: 'postgres://replica/x',
    })
    expect(problems.map((problem) => problem.split(/[ :]/u)[0])).toEqual([
      'FEEDGEN_HOSTNAME',
      'FEEDGEN_DATABASE_URL',
    ])
  })
})

describe('an unknown name', () => {
  test.each([
    ['FEEDGEN_JETSTREAM_URL', 'FEEDGEN_JETSTREAM_URLS'],
    ['FEEDGEN_HOST', 'FEEDGEN_HOSTNAME'],
    ['FEEDGEN_LISTEN_HOST', 'FEEDGEN_LISTENHOST'],
    ['FEEDGEN_PUBLISHER_PASSWROD', 'FEEDGEN_PUBLISHER_PASSWORD'],
  ])('%s is refused with the near %s', (name, nearest) => {
    const problems = problemsOf({ [name]: 'a-value-of-mine' })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(`did you mean ${nearest}?`)
    expect(problems[0]).not.toContain('a-value-of-mine')
  })

  test('without a near one is refused alone', () => {
    expect(problemsOf({ FEEDGEN_WEATHER_SERVICE: '1' })).toEqual([
      "'FEEDGEN_WEATHER_SERVICE' is no variable of tagfeed: remove it",
    ])
  })

  test('does not matter when it is empty, undefined or not ours', () => {
    expect(problemsOf({ FEEDGEN_X: '', FEEDGEN_Y: undefined, OTHER_FEEDGEN_Z: '1' })).toEqual([])
  })
})

describe('the service DID', () => {
  test('is the did:web of the host name', () => {
    expect(readConfig({ FEEDGEN_HOSTNAME: 'Feed.Test' }).serviceDid).toBe('did:web:feed.test')
  })

  test('may repeat the host name in any case', () => {
    const env = { FEEDGEN_HOSTNAME: 'feed.test', FEEDGEN_SERVICE_DID: 'did:web:FEED.test' }
    expect(readConfig(env).serviceDid).toBe('did:web:feed.test')
  })

  test.each(['did:web:other.test', localServiceDid(3000)])(
    '%s is refused with a host name',
    (did) => {
      const env = { FEEDGEN_HOSTNAME: 'feed.test', FEEDGEN_SERVICE_DID: did }
      expect(problemsOf(env)).toEqual([
        `FEEDGEN_SERVICE_DID is '${did}': a did:web must equal the host name: unset it, or give did:web:feed.test`,
      ])
    },
  )

  test('of a local service is a valid DID that names the port', () => {
    expect(localServiceDid(3000)).toBe('did:web:localhost%3A3000')
    expect(isValidDid(localServiceDid(3000))).toBe(true)
  })
})

/** Long enough never to be part of a sentence by chance, with every character that URLs treat apart. */
const secretText = fc
  .tuple(
    fc.stringMatching(/^[A-Z0-9]{9}$/u),
    fc.string({ unit: fc.constantFrom(...Array.from('ab/?#@:%& \\')), maxLength: 8 }),
    fc.stringMatching(/^[A-Z0-9]{9}$/u),
  )
  .map(([head, middle, tail]) => ({ text: `${head}${middle}${tail}`, parts: [head, tail] }))

function textSeenByOthers(env: Environment): string {
  const problems = problemsOf(env)
  return problems.length > 0 ? problems.join('\n') : JSON.stringify(describeConfig(readConfig(env)))
}

describe('a secret', () => {
  const urlVariables = ['FEEDGEN_DATABASE_URL', 'FEEDGEN_JETSTREAM_URLS', 'FEEDGEN_PLC_URL']
  const schemes = [
    'postgres://',
    'postgresql://',
    'postgres:',
    'mysql://',
    'wss://',
    'https://',
    '',
  ]
  const endings = ['@host/db', '@host:5432/db?x=1', '@host/subscribe', '@', '@ho st/db']

  test('that is the password of the publisher is never shown', () => {
    fc.assert(
      fc.property(secretText, fc.boolean(), ({ text, parts }, isWrongElsewhere) => {
        const other = isWrongElsewhere ? { FEEDGEN_PORT: 'x' } : {}
        const seen = textSeenByOthers({ ...other, FEEDGEN_PUBLISHER_PASSWORD: text })
        expect(parts.filter((part) => seen.includes(part))).toEqual([])
      }),
    )
  })

  test('inside a URL is never shown, well-formed or not', () => {
    const property = fc.property(
      secretText,
      fc.constantFrom(...urlVariables),
      fc.constantFrom(...schemes),
      fc.constantFrom(...endings),
      fc.boolean(),
      ({ text, parts }, name, scheme, ending, isEncoded) => {
        const password = isEncoded ? encodeURIComponent(text) : text
        const seen = textSeenByOthers({ [name]: `${scheme}user:${password}${ending}` })
        expect(parts.filter((part) => seen.includes(part))).toEqual([])
      },
    )
    fc.assert(property, { numRuns: 1_000 })
  })

  test.each([
    'SECRET',
    'postgres:u:SECRET',
    'mysql://host/x&password=SECRET',
    'postgres://SECRET%',
  ])('in the database URL %j, which is none, is not shown', (text) => {
    for (const name of ['FEEDGEN_DATABASE_URL', 'FEEDGEN_DATABASE_READ_URL']) {
      expect(problemsOf({ [name]: text })).toHaveLength(1)
      expect(textSeenByOthers({ [name]: text })).not.toContain('SECRET')
    }
  })

  test('of a replica or in a parameter is not shown', () => {
    const seen = textSeenByOthers({
      FEEDGEN_DATABASE_URL: 'postgres://u:SECRET1@db:5432/tagfeed?password=SECRET2',
      FEEDGEN_DATABASE_READ_URL: 'postgres://u:SECRET3@replica/tagfeed',
    })
    expect(seen).not.toMatch(/SECRET/u)
    expect(seen).toContain('"databaseUrl":"postgres://db:5432/tagfeed"')
    expect(seen).toContain('"databaseReadUrls":["postgres://replica/tagfeed"]')
  })
})

test('the description shows the roles as a list', () => {
  expect(describeConfig(readConfig({}))).toMatchObject({
    port: 3000,
    roles: ['ingest', 'rank', 'serve'],
  })
})
