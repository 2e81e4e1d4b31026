import { isValidDid } from '@atproto/syntax'
import { describe, expect, test } from 'vitest'
import { problemsOf } from '../../test/support/configProblems.ts'
import { configVariables, localServiceDid, readConfig } from './config.ts'
import type { Config } from './config.ts'

const plc = 'did:plc:z72i7hdynmk6r22z27h6tvur'
const jetstream = 'wss://jetstream.example.net/subscribe'

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
  keepRecords: ['false', false],
  jetstreamUrls: [
    `${jetstream}, ws://127.0.0.1:6008/subscribe`,
    [jetstream, 'ws://127.0.0.1:6008/subscribe'],
  ],
  jetstreamIdleMs: ['5', 5_000],
  backfillHours: ['0.25', 0.25],
  plcUrl: ['http://127.0.0.1:2582/', 'http://127.0.0.1:2582'],
  allowLocalNetwork: ['true', true],
  appViewUrl: ['https://appview.example.net/', 'https://appview.example.net'],
  trustedProxies: ['10.0.0.0/8, fd00::1', ['10.0.0.0/8', 'fd00::1']],
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
      keepRecords: true,
      trustedProxies: ['127.0.0.0/8', '::1'],
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
      appViewUrl: 'https://public.api.bsky.app',
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

  test.each([
    ['FEEDGEN_SQLITE_LOCATION', 'FEEDGEN_DATABASE_URL=sqlite:PATH'],
    ['FEEDGEN_SUBSCRIPTION_ENDPOINT', 'FEEDGEN_JETSTREAM_URLS'],
    ['FEEDGEN_SUBSCRIPTION_RECONNECT_DELAY', 'remove it'],
  ])('%s of the official kit is refused with what it is called here', (name, instead) => {
    const [problem = '', ...others] = problemsOf({ [name]: 'a-value-of-mine' })
    expect(others).toEqual([])
    expect(problem).toContain(`'${name}' is a variable of the official kit: here it is`)
    expect(problem).toContain(instead)
    expect(problem).not.toContain('a-value-of-mine')
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
