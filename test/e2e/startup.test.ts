import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import BetterSqlite3 from 'better-sqlite3'
import { afterAll, describe, expect, test } from 'vitest'
import { openReader, openWriter } from '../../src/db/openDatabase.ts'
import { migrate } from '../../src/db/upgrade/migrate.ts'
import { temporaryFolder } from '../support/databases.ts'
import { createPost, deletePost, did } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp, runScript } from '../support/runApp.ts'
import type { FinishedRun, RunOptions, RunningApp } from '../support/runApp.ts'
import { engine, serviceDatabaseUrl } from '../support/serviceDatabase.ts'
import { until } from '../support/until.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const DESCRIBE = '/xrpc/app.bsky.feed.describeFeedGenerator'
const SKELETON = '/xrpc/app.bsky.feed.getFeedSkeleton'
/** All that answers for feeds, and nothing that reads the stream. */
const SERVING = { FEEDGEN_ROLES: 'serve' }
/** Nobody listens there. */
const NOWHERE = { FEEDGEN_JETSTREAM_URLS: 'ws://127.0.0.1:9/subscribe' }
const STOP_MS = 10_000
/** A start that should fail and does not is ended after so long, and shows as a code of null. */
const START_MS = 15_000

const feeds = `feeds:
  - { rkey: art, name: Art, description: Pictures, tags: [art] }
  - { rkey: cats, name: Cats, description: Cats, tags: { any: [cats] } }
`

const uriOf = ({ did: author, commit }: ReturnType<typeof createPost>): string =>
  `at://${author}/app.bsky.feed.post/${commit.rkey}`

interface Start {
  readonly env?: Readonly<Record<string, string>>
  /** Text of `feeds.yaml`; null: there is none. */
  readonly feeds?: string | null
  readonly dotEnv?: string
  readonly folder?: string
}

/** Starts the service in a folder of its own with nothing but this, and waits until it ends. */
async function startAndEnd(start: Start = {}): Promise<FinishedRun> {
  using own = temporaryFolder()
  const folder = start.folder ?? own.path
  if (start.feeds !== null) {
    writeFileSync(join(folder, 'feeds.yaml'), start.feeds ?? feeds)
  }
  if (start.dotEnv !== undefined) {
    writeFileSync(join(folder, '.env'), start.dotEnv)
  }
  const env = { PATH: process.env['PATH'], FEEDGEN_PORT: '0', ...NOWHERE, ...start.env }
  const options = { cwd: folder, env, timeout: START_MS }
  const child = spawn(process.execPath, [MAIN], { ...options, killSignal: 'SIGKILL' })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => (stdout += String(data)))
  child.stderr.on('data', (data) => (stderr += String(data)))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr }
}

/** Names of files and of errors of the code, and what a template makes of nothing. */
const INSIDE = /^\s+at |node:internal|\.ts:\d|Error:|\bundefined\b|\[object/m

/** What is wrong with the end of a run that has to fail; what it said is there to be read. */
function faultsOf(
  { code, stderr }: FinishedRun,
  codes: readonly number[],
  named: readonly (string | RegExp)[],
): string[] {
  const isSaid = (name: string | RegExp): boolean =>
    typeof name === 'string' ? stderr.includes(name) : name.test(stderr)
  const faults = [
    ...(codes.includes(code ?? -1) ? [] : [`exit code ${code}`]),
    ...(/[a-z]{2,} [a-z]{2,}/i.test(stderr) ? [] : ['no plain words']),
    ...(INSIDE.test(stderr) ? ['tells of the inside'] : []),
    ...named.filter((name) => !isSaid(name)).map((name) => `says nothing of ${String(name)}`),
  ]
  return faults.length === 0 ? [] : [...faults, `stderr: ${stderr}`]
}

/** For wrong usage and wrong configuration. */
/** The service on its own database in a folder, as a process that a test sends signals to. */
async function spawnIn(folder: string) {
  writeFileSync(join(folder, 'feeds.yaml'), feeds)
  const own = { FEEDGEN_PORT: '0', FEEDGEN_DATABASE_URL: await serviceDatabaseUrl(folder) }
  const env = { PATH: process.env['PATH'], ...own, ...NOWHERE }
  return spawn(process.execPath, [MAIN], {
    ...{ cwd: folder, env, timeout: START_MS },
    killSignal: 'SIGKILL',
  })
}

const refusalFaults = (run: FinishedRun, ...named: (string | RegExp)[]): string[] =>
  faultsOf(run, [2], named)

/** For what may as well be called a failure. */
const failureFaults = (run: FinishedRun, ...named: (string | RegExp)[]): string[] =>
  faultsOf(run, [1, 2], named)

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

/** What the engine has no part in, or where the file of SQLite has one, is tested with SQLite alone. */
const isSqlite = engine === 'sqlite'

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

describe.runIf(!isSqlite)('a start on a Postgres that refuses it', () => {
  test.each([
    ['the password', { password: 'hunter2hunter2' }],
    ['the user', { username: 'nobody' }],
    ['the name of the database', { pathname: '/nowhere' }],
  ])('says why, and tells no password: %s', async (_, change) => {
    using folder = temporaryFolder()
    const url = Object.assign(new URL(await serviceDatabaseUrl(folder.path)), change)
    const run = await startAndEnd({ env: { FEEDGEN_DATABASE_URL: url.href } })
    expect(refusalFaults(run, 'FEEDGEN_DATABASE_URL', url.host)).toEqual([])
    expect(run.stdout + run.stderr).not.toContain(`:${url.password}@`)
    expect(run.stdout + run.stderr).not.toContain('hunter2')
  })
})

describe.runIf(isSqlite)('a start that fails', () => {
  test('says that the port is taken', async () => {
    await using server = createServer().listen(0, '127.0.0.1')
    await until(() => server.listening)
    const { port } = server.address() as AddressInfo
    const run = await startAndEnd({ env: { FEEDGEN_PORT: String(port) } })
    expect(failureFaults(run, String(port), /taken|in use/i)).toEqual([])
  })

  test('says that the address is none of this machine', async () => {
    expect(
      failureFaults(await startAndEnd({ env: { FEEDGEN_LISTENHOST: '192.0.2.1' } }), '192.0.2.1'),
    ).toEqual([])
  })

  test.each([
    ['lies in a file', 'file/test.db'],
    ['is a folder', 'folder'],
    ['lies where nothing can be made', '/proc/nowhere/test.db'],
  ])('says why when the database %s', async (_, path) => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'file'), 'a text')
    mkdirSync(join(folder.path, 'folder'))
    const env = { FEEDGEN_DATABASE_URL: `sqlite:${path}` }
    expect(
      failureFaults(
        await startAndEnd({ folder: folder.path, env }),
        /database|sqlite|\.db|director/i,
      ),
    ).toEqual([])
  })

  test('says that a file is no database, and leaves it as it is', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'test.db')
    const text = 'This is a letter to my aunt. '.repeat(500)
    writeFileSync(file, text)
    const run = await startAndEnd({ env: { FEEDGEN_DATABASE_URL: `sqlite:${file}` } })
    expect(failureFaults(run, /not a database/i)).toEqual([])
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  test('says which file is no database', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'letter.db')
    writeFileSync(file, 'This is a letter to my aunt. '.repeat(500))
    expect(
      failureFaults(await startAndEnd({ env: { FEEDGEN_DATABASE_URL: `sqlite:${file}` } }), file),
    ).toEqual([])
  })
})

describe('FEEDGEN_ROLES', () => {
  const timeUs = (Date.now() - 60_000) * 1000

  test('share the work between processes on one database', async () => {
    await using jetstream = await openJetstreamServer()
    using folder = temporaryFolder()
    const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url, FEEDGEN_PUBLISHER_DID: did(900) }
    const options = { feeds, folder: folder.path }
    await using server = await runApp({ ...options, env: { ...env, FEEDGEN_ROLES: 'serve' } })
    expect(await server.page('art')).toEqual({ feed: [] })
    await using reader = await runApp({ ...options, env: { ...env, FEEDGEN_ROLES: 'ingest' } })
    await using ranker = await runApp({ ...options, env: { ...env, FEEDGEN_ROLES: 'rank' } })
    const post = createPost({ timeUs, tags: ['art'] })
    jetstream.append(post)
    await reader.untilCommitted(timeUs)
    expect(await server.page('art')).toEqual({ feed: [{ post: uriOf(post) }] })
    jetstream.append(deletePost({ timeUs: timeUs + 1, rkey: post.commit.rkey }))
    await reader.untilCommitted(timeUs + 1)
    expect(await server.page('art')).toEqual({ feed: [] })
    // Only one of them reads the stream, and only one of them answers for feeds.
    expect(jetstream.connections).toHaveLength(1)
    for (const app of [reader, ranker]) {
      const search = new URLSearchParams({ feed: app.feedUri('art') })
      const response = await app.get(`${SKELETON}?${search.toString()}`)
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(await response.json()).toMatchObject({
        error: expect.any(String) as unknown,
        message: expect.any(String) as unknown,
      })
      expect((await app.get('/xrpc/_health')).status).toBe(200)
      expect((await app.get('/metrics')).status).toBe(200)
    }
    for (const app of [server, reader, ranker]) {
      expect(await app.stop()).toBe(0)
    }
  })
})

describe('a first start', { timeout: 60_000 }, () => {
  test('of processes with different roles at the same time makes the database once', async () => {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(temporaryFolder()).path
    const apps = await Promise.all(
      ['serve', 'ingest', 'rank'].map(async (role) => {
        const env = { ...NOWHERE, FEEDGEN_ROLES: role }
        return stack.use(await runApp({ feeds, folder, env }))
      }),
    )
    expect(await Promise.all(apps.map((app) => app.stop()))).toEqual([0, 0, 0])
  })

  test('that is killed while it makes the database leaves one with which the next works', async () => {
    for (const delayMs of [0, 20]) {
      using folder = temporaryFolder()
      const child = await spawnIn(folder.path)
      const exited = new Promise((resolve) => {
        child.once('exit', resolve)
      })
      const lines = createInterface({ input: child.stdout })
      await new Promise((resolve) => {
        lines.once('line', resolve)
      })
      // Made right after the first line; with SQLite the file shows when.
      await until(() => !isSqlite || existsSync(join(folder.path, 'data', 'test.db')))
      setTimeout(() => child.kill('SIGKILL'), delayMs)
      await exited
      await using app = await runApp({ feeds, folder: folder.path, env: SERVING })
      expect(await app.page('art')).toEqual({ feed: [] })
    }
  })
})

describe.runIf(isSqlite)('a database that is not for this service', { timeout: 60_000 }, () => {
  const KIT = `create table kysely_migration (name varchar(255) primary key, timestamp varchar(255));
    insert into kysely_migration values ('001', ''); create table post (uri, cid, indexedAt);
    create table sub_state (service, cursor)`

  /** What the service and the commands say of it; all of them have to refuse it. */
  async function refusals(folder: string, file: string): Promise<string[]> {
    const run = { feeds, folder, env: { FEEDGEN_DATABASE_URL: `sqlite:${file}` } }
    const runs = await Promise.all([
      runScript('src/main.ts', [], run),
      runScript('scripts/printFeed.ts', ['art'], run),
      runScript('scripts/backup.ts', [join(folder, 'copy.db')], run),
      runScript('scripts/copyDatabase.ts', [`sqlite:${file}`, 'sqlite:other.db'], run),
      runScript('scripts/copyDatabase.ts', ['sqlite:whole.db', `sqlite:${file}`], run),
    ])
    expect(runs.map(({ code }) => code)).toEqual(runs.map(() => 2))
    return runs.map(({ stderr }) => stderr)
  }

  test('is refused by every command, and left as it is: the starter kit’s', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'kit.db')
    const kit = new BetterSqlite3(file)
    kit.exec(KIT)
    kit.close()
    const whole = await openWriter(`sqlite:${join(folder.path, 'whole.db')}`)
    await migrate(whole)
    await whole[Symbol.asyncDispose]()
    const before = readFileSync(file)
    for (const said of await refusals(folder.path, file)) {
      expect(said).toMatch(/official feed generator kit/)
      expect(said).not.toMatch(INSIDE)
    }
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(existsSync(join(folder.path, 'copy.db'))).toBe(false)
  })

  // Root may write everywhere: the service runs as somebody else then.
  test.runIf(process.getuid?.() !== 0 || existsSync('/usr/bin/setpriv'))(
    'is refused when it cannot be written, with the reason; printFeed prints it',
    async () => {
      using folder = temporaryFolder()
      const file = join(folder.path, 'data', 'test.db')
      const env = { FEEDGEN_DATABASE_URL: `sqlite:${file}` }
      {
        await using app = await runApp({ feeds, folder: folder.path, env: { ...env, ...SERVING } })
        expect(await app.stop()).toBe(0)
      }
      chmodSync(folder.path, 0o755)
      chmodSync(file, 0o444)
      chmodSync(join(folder.path, 'data'), 0o555)
      const start = (script: string, ...args: string[]) => {
        const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath]
        const command =
          process.getuid?.() === 0 ? ['/usr/bin/setpriv', ...nobody] : [process.execPath]
        const [program = '', ...rest] = [...command, join(ROOT, script), ...args]
        const feedsFile = join(folder.path, 'feeds.yaml')
        return spawnSync(program, rest, {
          cwd: folder.path,
          env: { FEEDGEN_PORT: '0', FEEDGEN_FEEDS_FILE: feedsFile, ...env, ...NOWHERE },
          encoding: 'utf8',
          timeout: START_MS,
        })
      }
      const service = start('src/main.ts')
      expect([service.status, service.stderr]).toEqual([2, expect.stringContaining(file) as string])
      expect(service.stderr).toMatch(/cannot be written.*right to write the file/)
      const printed = start('scripts/printFeed.ts', 'art')
      expect([printed.status, printed.stderr]).toEqual([0, ''])
      chmodSync(join(folder.path, 'data'), 0o755)
    },
  )
})

/** Ends it as an operator would, with nothing on the way. */
async function stopInTime(app: RunningApp, signal?: NodeJS.Signals): Promise<object> {
  const startedAt = performance.now()
  const code = await app.stop(signal)
  return { code, isInTime: performance.now() - startedAt < STOP_MS }
}

const inTime = { code: 0, isInTime: true }

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('ends an idle service with code 0', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await jetstream.waitForConnection()
    expect(await stopInTime(app, signal)).toEqual(inTime)
    await jetstream.waitUntil(() => jetstream.connections[0]?.closed !== undefined)
  })

  test('ends a service that is still starting', async () => {
    using folder = temporaryFolder()
    const child = await spawnIn(folder.path)
    createInterface({ input: child.stdout }).once('line', () => child.kill(signal))
    const ended = await new Promise((resolve) => {
      child.once('exit', (code, by) => resolve({ code, by }))
    })
    expect(ended).toEqual({ code: 0, by: null })
  })

  test('commits what was read, and the next start goes on from there', async () => {
    await using jetstream = await openJetstreamServer()
    using folder = temporaryFolder()
    const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url, FEEDGEN_PUBLISHER_DID: did(900) }
    const options: RunOptions = { feeds, folder: folder.path, env }
    const startUs = (Date.now() - 600_000) * 1000
    // More than can be read at once, most of which leaves no row.
    const all = Array.from({ length: 40_000 }, (_, n) => {
      const tags = n % 16 === 0 ? ['art'] : []
      return createPost({ timeUs: startUs + n * 1000, did: did(1 + (n % 50)), tags })
    })
    const tagged = all.filter((_, n) => n % 16 === 0)
    const lastUs = startUs + (all.length - 1) * 1000
    await using app = await runApp(options)
    await jetstream.waitForConnection()
    jetstream.appendAll(all)
    const { eventsTotal } = (await until(async () => {
      const { ingest } = await app.health()
      return ingest.eventsTotal > 0 && ingest.positionUs !== null && ingest
    })) as { eventsTotal: number }
    expect(await stopInTime(app, signal)).toEqual(inTime)
    expect(app.logs.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])

    const positionUs = await readPosition(folder.path)
    // What the service said it had read is committed, and nothing is said to be that is not.
    expect(positionUs).toBeGreaterThanOrEqual(startUs + (eventsTotal - 1) * 1000)
    const covered = tagged.filter(({ time_us }) => time_us <= positionUs).map(uriOf)
    const serving = { ...options, env: { ...env, FEEDGEN_ROLES: 'serve' } }
    {
      await using server = await runApp(serving)
      const stored = await server.walk('art')
      expect(new Set(stored).size).toBe(stored.length)
      expect(covered.filter((uri) => !new Set(stored).has(uri))).toEqual([])
    }
    await using again = await runApp(options)
    await again.untilCommitted(lastUs)
    expect(await again.walk('art')).toEqual(tagged.map(uriOf).toReversed())
    expect(jetstream.connections.at(-1)?.cursor).toBeLessThanOrEqual(positionUs)
  })
})

describe('a signal', () => {
  test('ends a service that has only just begun to listen', async () => {
    for (let round = 0; round < 3; round += 1) {
      await using app = await runApp({ feeds, env: SERVING })
      expect(await stopInTime(app)).toEqual(inTime)
    }
  })

  test('ends a service that cannot reach the stream, or whose stream is silent', async () => {
    await using jetstream = await openJetstreamServer()
    await using lost = await runApp({ feeds, env: NOWHERE })
    await using silent = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    jetstream.stall()
    await jetstream.waitForConnection()
    expect(await stopInTime(lost)).toEqual(inTime)
    expect(await stopInTime(silent)).toEqual(inTime)
  })

  test('ends a service while the handshake with the stream hangs', async () => {
    await using server = createServer().listen(0, '127.0.0.1')
    let isConnected = false
    server.on('connection', (socket) => {
      isConnected = true
      socket.on('error', () => socket.destroy()).resume()
    })
    await until(() => server.listening)
    const { port } = server.address() as AddressInfo
    const url = `ws://127.0.0.1:${port}/subscribe`
    await using app = await runApp({ feeds, env: { FEEDGEN_JETSTREAM_URLS: url } })
    await until(() => isConnected)
    expect(await stopInTime(app)).toEqual(inTime)
  })

  test('ends a service to which clients hold connections and half a request', async () => {
    await using stack = new AsyncDisposableStack()
    await using app = await runApp({ feeds, env: NOWHERE })
    const { hostname, port } = new URL(app.url)
    for (const text of ['', 'GET / HTTP/1.1\r\nHost: x\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n']) {
      const socket = connect(Number(port), hostname)
      stack.defer(() => void socket.destroy())
      socket.on('error', () => socket.destroy())
      await new Promise((resolve) => socket.write(text === '' ? '\r\n' : text, resolve))
    }
    expect(await stopInTime(app)).toEqual(inTime)
  })
})

async function readPosition(folder: string): Promise<number> {
  await using database = await openReader(await serviceDatabaseUrl(folder))
  const query = database.kysely.selectFrom('ingest_position').select('time_us')
  return (await query.executeTakeFirstOrThrow()).time_us
}

describe('the scripts', () => {
  const folder = temporaryFolder()
  afterAll(() => folder[Symbol.dispose]())
  const options = { feeds, folder: folder.path }
  const [printFeed, replay] = ['scripts/printFeed.ts', 'scripts/replay.ts']
  const recording = join(folder.path, 'recording.jsonl')
  const startUs = (Date.now() - 3_600_000) * 1000
  const posts = Array.from({ length: 5 }, (_, n) =>
    createPost({ timeUs: startUs + n * 1000, tags: ['art'] }),
  )
  writeFileSync(recording, `${posts.map((post) => JSON.stringify(post)).join('\n')}\n{"kind":\n\n`)

  test.runIf(isSqlite).each<[script: string, args: string[], named: RegExp]>([
    [printFeed, [], /usage/i],
    [printFeed, ['art', 'cats'], /usage/i],
    [printFeed, ['art', '--limit', '0'], /limit/],
    [printFeed, ['art', '--limit', '-1'], /limit/],
    [printFeed, ['art', '--limit', 'x'], /limit/],
    [printFeed, ['art', '--limit', '1e1'], /limit/],
    [printFeed, ['art', '--limit', '2.5'], /limit/],
    [printFeed, ['art', '--limit'], /limit/],
    [printFeed, ['art', '--nonsense'], /nonsense/],
    [printFeed, ['nope'], /nope.*art.*cats/s],
    [printFeed, ['catz'], /did you mean 'cats'/],
    [replay, [recording, '--into', 'mysql:x'], /--into/],
    [printFeed, ['constructor'], /constructor/],
    [replay, [], /usage/i],
    [replay, [recording, recording], /usage/i],
    [replay, [recording, '--nonsense'], /nonsense/],
  ])('%s refuses wrong usage: %j', async (script, args, named) => {
    const run = await runScript(script, args, options)
    expect(refusalFaults(run, named)).toEqual([])
    expect(run.stdout).toBe('')
  })

  test.runIf(isSqlite).each<[script: string, args: string[]]>([
    [printFeed, ['art']],
    [replay, [recording]],
  ])('%s refuses a bad configuration', async (script, args) => {
    const env = { FEEDGEN_PORT: 'x', FEEDGEN_NONSENSE: '1' }
    const run = await runScript(script, args, { ...options, env })
    expect(refusalFaults(run, 'FEEDGEN_PORT', 'FEEDGEN_NONSENSE')).toEqual([])
  })

  test('replay a recording and print a feed as a reader would get it', async () => {
    for (const round of [1, 2]) {
      const into = ['--into', 'env:FEEDGEN_DATABASE_URL']
      const replayed = await runScript(replay, [recording, ...into], options)
      expect({ round, ...replayed }).toMatchObject({ round, code: 0 })
      expect(replayed.stderr).toMatch(/^into (sqlite|postgres):.*its position moves\n$/)
      expect(replayed.stdout).toContain('1 rejected: json\n')
      expect(replayed.stdout).toMatch(/^art: 5 posts$/m)
    }
    const newestFirst = posts.map(uriOf).toReversed()
    const lines = async (...args: string[]): Promise<string[]> => {
      const run = await runScript(printFeed, ['art', ...args], options)
      expect(run).toMatchObject({ code: 0, stderr: '' })
      return run.stdout.split('\n').filter((line) => line !== '')
    }
    const printed = (await lines('--json')).map((line) => JSON.parse(line) as object)
    expect(printed).toEqual(
      newestFirst.map((uri, index) => ({
        rank: index + 1,
        uri,
        indexedAt: expect.anything() as unknown,
      })),
    )
    const limited = await lines('--limit', '2')
    for (const [index, uri] of newestFirst.entries()) {
      expect(limited.some((line) => line.includes(uri))).toBe(index < 2)
    }
    const explained = await lines('--explain')
    expect(explained.length).toBeGreaterThanOrEqual(posts.length)
    for (const uri of newestFirst) {
      expect(explained.some((line) => line.includes(uri))).toBe(true)
    }
    // The lines are for a program; why there are none is for people.
    const empty = await runScript(printFeed, ['cats', '--json'], options)
    expect(empty).toMatchObject({ code: 0, stdout: '' })
    expect(empty.stderr).toMatch(/^cats is empty: no stored post that is visible carries/)
  })

  test('replay leaves the database of the service alone', async () => {
    using own = temporaryFolder()
    const run = await runScript(replay, [recording], { feeds, folder: own.path })
    expect(run).toMatchObject({ code: 0, stderr: '' })
    expect(run.stdout).toMatch(/^6 frames read.*^art: 5 posts$.*thrown away$/ms)
    expect(existsSync(join(own.path, 'data'))).toBe(false)
    const { stdout } = await runScript(printFeed, ['art'], { feeds, folder: own.path })
    expect(stdout).toMatch(/^art is empty: no post is stored yet/)
  })

  test.runIf(isSqlite)(
    'replay of a file without one good frame fails, and writes nothing',
    async () => {
      const path = join(folder.path, 'text.jsonl')
      writeFileSync(path, 'hello\n{"kind":"commit"}\n')
      const run = await runScript(replay, [path, '--into', 'sqlite:never.db'], options)
      expect(run).toMatchObject({ code: 1, stdout: '' })
      expect(run.stderr).toMatch(/^\S+text\.jsonl holds no good frame \(none of its 2 lines.*\n$/)
      expect(existsSync(join(folder.path, 'never.db'))).toBe(false)
    },
  )
})
