import { existsSync, mkdirSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { did } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import { SERVING, feeds, isSqlite, refusalFaults, startAndEnd } from '../support/startService.ts'

const DESCRIBE = '/xrpc/app.bsky.feed.describeFeedGenerator'

/** Every variable with texts that it refuses. */
const badValues: Readonly<Record<string, readonly string[]>> = {
  FEEDGEN_HOSTNAME: [
    ...['https://feed.example.net', 'feed.example.net:443', 'feed.example.net/path'],
    ...['192.0.2.1', '2001:db8::1', '[2001:db8::1]', 'a b.example', '127.0.0.1:3000'],
  ],
  FEEDGEN_SERVICE_DID: ['nonsense', 'did:web:192.0.2.1', 'did:plc:short', 'did:key:z6Mk'],
  FEEDGEN_PUBLISHER_DID: ['alice.bsky.social', '@alice.bsky.social', 'did:plc:UPPER', 'did:'],
  FEEDGEN_PORT: ['abc', '-1', '65536', '3000.5', '1e3', '0x10', '80 81', '٣'],
  FEEDGEN_LISTENHOST: ['http://127.0.0.1', '127.0.0.1:80', '300.1.1.1', 'a b'],
  FEEDGEN_DATABASE_URL: ['mysql://localhost/x', 'data/x.db', 'sqlite:', 'sqlite', 'file:x.db'],
  FEEDGEN_DATABASE_READ_URL: ['sqlite:x.db', 'mysql://replica/x', 'replica', ','],
  FEEDGEN_FEEDS_FILE: ['nowhere/feeds.yaml', '/nowhere/feeds.yaml', '.', '/'],
  FEEDGEN_JETSTREAM_URLS: [
    ...['https://example.com/subscribe', 'wss://example.com/other', ',', 'example.com', 'wss://'],
    ...['wss://a.example/subscribe,nonsense', 'ws://a.example/subscribe,,ws://b.example/subscribe'],
  ],
  FEEDGEN_JETSTREAM_IDLE_SECONDS: ['0', '3601', 'x', '-5', '30s'],
  FEEDGEN_BACKFILL_HOURS: ['-1', '37', 'x', '2h', '1000'],
  FEEDGEN_PLC_URL: ['ftp://plc.example', 'plc.directory', 'https://', 'x'],
  FEEDGEN_ALLOW_LOCAL_NETWORK: ['yes', '1', '0', 'on', 'truee'],
  FEEDGEN_INDEX_TAGS: ['some', 'none', 'all,feeds', '*'],
  FEEDGEN_RETENTION_DAYS: ['0', '36501', '-1', 'x', '30d'],
  FEEDGEN_PRIVACY_POLICY_URL: ['nonsense', 'javascript:alert(1)', 'example.com/privacy', '/p'],
  FEEDGEN_TERMS_OF_SERVICE_URL: ['nonsense', 'data:text/html,x', 'example.com/terms', '//x'],
  FEEDGEN_ROLES: ['ingest,cook', 'all', 'serve;rank', ',', 'none'],
  FEEDGEN_LOG_LEVEL: ['verbose', '3', 'warning', 'info,debug'],
}
const rounds = Math.max(...Object.values(badValues).map((values) => values.length))

describe.runIf(isSqlite)('a bad configuration', () => {
  test.each(Array.from({ length: rounds }, (_, round) => round))(
    'is refused with all its problems at once (values %i)',
    async (round) => {
      const entries = Object.entries(badValues).flatMap(([name, values]): [string, string][] => {
        const value = values[round]
        return value === undefined ? [] : [[name, value]]
      })
      const run = await startAndEnd({ env: Object.fromEntries(entries) })
      const names = entries.map(([name, value]) => (name === 'FEEDGEN_FEEDS_FILE' ? value : name))
      expect(refusalFaults(run, ...names)).toEqual([])
      expect(run.stderr.trim().split('\n').length).toBeGreaterThanOrEqual(entries.length)
    },
  )

  test.each([
    ['FEEDGEN_HOSTNAME', 'https://feed.example.net', /scheme|https:/i],
    ['FEEDGEN_HOSTNAME', 'feed.example.net:8443', /port/i],
    ['FEEDGEN_HOSTNAME', 'feed.example.net/feeds', /path/i],
    ['FEEDGEN_HOSTNAME', '192.0.2.7', /IP/],
    ['FEEDGEN_RETENTION_DAYS', '0', /1.*36500/],
    ['FEEDGEN_JETSTREAM_IDLE_SECONDS', '0', /1.*3600/],
    ['FEEDGEN_BACKFILL_HOURS', '40', /0.*36/],
  ])('is refused with the reason: %s=%s', async (name, value, reason) => {
    expect(refusalFaults(await startAndEnd({ env: { [name]: value } }), name, reason)).toEqual([])
  })

  test('is refused when a did:web is not that of the host name', async () => {
    const env = {
      FEEDGEN_HOSTNAME: 'feed.example.net',
      FEEDGEN_SERVICE_DID: 'did:web:feeds.example.net',
    }
    expect(
      refusalFaults(await startAndEnd({ env }), 'FEEDGEN_SERVICE_DID', 'feed.example.net'),
    ).toEqual([])
  })

  test('is refused when a SQLite database is given read replicas', async () => {
    const env = { FEEDGEN_DATABASE_READ_URL: 'postgres://user:secret@replica.example/x' }
    const run = await startAndEnd({ env })
    expect(refusalFaults(run, 'FEEDGEN_DATABASE_READ_URL')).toEqual([])
  })

  test('is refused for a name that nobody knows, wherever it is', async () => {
    const env = { FEEDGEN_PROT: '80', FEEDGEN_FEEDS: 'x', OTHER_NAME: 'x' }
    const run = await startAndEnd({ env, dotEnv: 'FEEDGEN_NONSENSE=1\nSOMETHING_ELSE=2\n' })
    expect(refusalFaults(run, 'FEEDGEN_PROT', 'FEEDGEN_FEEDS', 'FEEDGEN_NONSENSE')).toEqual([])
    expect(run.stderr).not.toMatch(/OTHER_NAME|SOMETHING_ELSE/)
  })

  test('is refused when it stands in .env', async () => {
    const run = await startAndEnd({ dotEnv: 'FEEDGEN_RETENTION_DAYS=never\n' })
    expect(refusalFaults(run, 'FEEDGEN_RETENTION_DAYS')).toEqual([])
  })

  test('is refused without telling a password', async () => {
    const secret = 'hunter2hunter2'
    const env = {
      FEEDGEN_DATABASE_URL: `postgres:/user:${secret}@db.example/x`,
      FEEDGEN_DATABASE_READ_URL: `mysql://user:${secret}@db.example/x`,
      FEEDGEN_PUBLISHER_PASSWORD: secret,
      FEEDGEN_PLC_URL: `https://user:${secret}@plc.example`,
      FEEDGEN_PORT: 'x',
    }
    const run = await startAndEnd({ env })
    expect(
      refusalFaults(run, 'FEEDGEN_DATABASE_URL', 'FEEDGEN_DATABASE_READ_URL', 'FEEDGEN_PORT'),
    ).toEqual([])
    expect(run.stderr + run.stdout).not.toContain(secret)
  })

  test('is refused with the problems of the environment and of a missing feeds file', async () => {
    const run = await startAndEnd({ env: { FEEDGEN_PORT: 'abc' }, feeds: null })
    expect(refusalFaults(run, 'FEEDGEN_PORT', 'feeds.yaml')).toEqual([])
  })

  test('is refused with the problems of the environment and of the feeds file, each with its place', async () => {
    const spoilt = `feeds:
  - rkey: art
    name: Art
    description: Pictures
    tags: []
    order: newest
  - rkey: art
    name: A name that is by far longer than what is allowed
    description: Pictures
    tags: [art]
    colour: red
    languages: english please
  - rkey: "not a key"
    name: Key
    description: Key
    tags: [key]
    maxTags: many
    pinned: https://bsky.app/profile/x
`
    const env = { FEEDGEN_PORT: 'abc', FEEDGEN_ROLES: 'cook', FEEDGEN_HOSTNAMES: 'x' }
    const run = await startAndEnd({ env, feeds: spoilt })
    expect(refusalFaults(run, 'FEEDGEN_PORT', 'FEEDGEN_ROLES', 'FEEDGEN_HOSTNAMES')).toEqual([])
    // `tags` names none, unknown order, key taken, long name, unknown member, no language, bad key…
    for (const line of [5, 6, 7, 8, 11, 12, 13, 17, 18]) {
      expect(run.stderr).toMatch(new RegExp(`^(\\S*/)?feeds\\.yaml:${line}:\\d+: .*\\S`, 'm'))
    }
  })

  test.each([
    ['no YAML', 'feeds:\n  - { rkey: art\n  name: ]\n', /feeds\.yaml:\d+:\d+: /],
    ['empty', '', /feeds\.yaml:\d+:\d+: /],
    ['no list of feeds', 'feeds: art\n', /feeds\.yaml:1:\d+: /],
    ['a list without feeds', 'feeds: []\n', /feeds\.yaml:1:\d+: /],
    ['a text', 'hello\n', /feeds\.yaml:1:\d+: /],
    ['a feed that is a text', 'feeds:\n  - art\n', /feeds\.yaml:2:\d+: /],
    ['a feed without tags', 'feeds:\n  - { rkey: a, name: a, description: a }\n', /feeds\.yaml:2:/],
  ])('is refused when the feeds file is %s', async (_, text, place) => {
    expect(refusalFaults(await startAndEnd({ feeds: text }), place)).toEqual([])
  })

  test('is refused when .env cannot be read', async () => {
    using folder = temporaryFolder()
    mkdirSync(join(folder.path, '.env'))
    expect(refusalFaults(await startAndEnd({ folder: folder.path }), '.env')).toEqual([])
  })
})

describe.runIf(isSqlite)('the environment', () => {
  test('is completed by .env of the working directory, and wins over it', async () => {
    using folder = temporaryFolder()
    const lines = [
      '# a comment',
      'FEEDGEN_HOSTNAME=env.example.net',
      `FEEDGEN_PUBLISHER_DID="${did(900)}"`,
      'FEEDGEN_PORT=99999',
      'FEEDGEN_TERMS_OF_SERVICE_URL=https://env.example.net/terms  # a comment',
      'OTHER=1',
    ]
    writeFileSync(join(folder.path, '.env'), `${lines.join('\r\n')}\r\n`)
    await using app = await runApp({ feeds, folder: folder.path, env: SERVING })
    expect(await (await app.get(DESCRIBE)).json()).toEqual({
      did: 'did:web:env.example.net',
      feeds: ['art', 'cats'].map((rkey) => ({
        uri: `at://${did(900)}/app.bsky.feed.generator/${rkey}`,
      })),
      links: { termsOfService: 'https://env.example.net/terms' },
    })
  })

  test('counts an empty value as unset', async () => {
    await using jetstream = await openJetstreamServer()
    const empty = Object.fromEntries(
      [...Object.keys(badValues), 'FEEDGEN_PUBLISHER_PASSWORD'].map((name) => [name, '']),
    )
    const env = { ...empty, FEEDGEN_PORT: '0', FEEDGEN_JETSTREAM_URLS: jetstream.url }
    await using app = await runApp({ feeds, env })
    const connection = await jetstream.waitForConnection()
    const hoursAgo = (Date.now() - Number(connection.cursor) / 1000) / 3_600_000
    expect(hoursAgo).toBeGreaterThan(1.9)
    expect(hoursAgo).toBeLessThan(2.1)
    const local = `did:web:localhost%3A${new URL(app.url).port}`
    expect(await (await app.get(DESCRIBE)).json()).toMatchObject({ did: local })
    expect(new URL(app.url).hostname).toBe('127.0.0.1')
    // The defaults of FEEDGEN_DATABASE_URL and FEEDGEN_FEEDS_FILE lie in the working directory.
    expect(existsSync(join(app.folder, 'data', 'tagfeed.db'))).toBe(true)
  })

  test('decides how far back the first start begins', async () => {
    await using jetstream = await openJetstreamServer()
    const backfill = async (hours: string): Promise<number | undefined> => {
      const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url, FEEDGEN_BACKFILL_HOURS: hours }
      const { length } = jetstream.connections
      await using app = await runApp({ feeds, env })
      const { cursor } = await jetstream.waitForConnection(length + 1)
      expect(app.logs.length).toBeGreaterThan(0)
      return cursor
    }
    expect(await backfill('0')).toBeUndefined()
    const hoursAgo = (Date.now() - Number(await backfill('36')) / 1000) / 3_600_000
    expect(hoursAgo).toBeGreaterThan(35.9)
    expect(hoursAgo).toBeLessThan(36.1)
  })

  test('takes a free port for port 0, and the log says where the service listens', async () => {
    await using one = await runApp({ feeds, env: SERVING })
    await using two = await runApp({ feeds, env: { ...SERVING, FEEDGEN_LISTENHOST: '127.0.0.2' } })
    const listening = [one, two].map(({ logs }) =>
      logs.filter(({ event }) => event === 'listening').map((line) => line['url']),
    )
    expect(listening).toEqual([[one.url], [two.url]])
    expect(one.url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
    expect(two.url).toMatch(/^http:\/\/127\.0\.0\.2:[1-9]\d*$/)
    expect(new URL(one.url).port).not.toBe(new URL(two.url).port)
    for (const app of [one, two]) {
      expect((await app.get('/xrpc/_health')).status).toBe(200)
    }
  })

  test('decides how much is logged, as JSON lines', async () => {
    await using app = await runApp({ feeds, env: { ...SERVING, FEEDGEN_LOG_LEVEL: 'debug' } })
    expect(app.logs.every(({ level }) => typeof level === 'string')).toBe(true)
    const run = await startAndEnd({
      env: { FEEDGEN_LOG_LEVEL: 'error', FEEDGEN_PORT: new URL(app.url).port },
    })
    expect(run.stdout).toBe('')
  })

  test('says in the log that local networks are allowed', async () => {
    await using app = await runApp({
      feeds,
      env: { ...SERVING, FEEDGEN_ALLOW_LOCAL_NETWORK: 'true' },
    })
    // The settings are logged at every start: they alone say nothing of what this one is for.
    const said = app.logs.some(({ msg }) => /local network|loopback/i.test(String(msg)))
    expect(said).toBe(true)
  })

  test('keeps passwords out of the log', async () => {
    const secret = 'hunter2hunter2'
    await using app = await runApp({
      feeds,
      env: { ...SERVING, FEEDGEN_PUBLISHER_PASSWORD: secret, FEEDGEN_LOG_LEVEL: 'trace' },
    })
    expect(JSON.stringify(app.logs)).not.toContain(secret)
  })
})
