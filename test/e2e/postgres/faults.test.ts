import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createPostgresDatabase } from '../../support/databases.ts'
import { temporaryFolder } from '../../support/databases.ts'
import { createPost, did } from '../../support/events.ts'
import { openJetstreamServer } from '../../support/jetstreamServer.ts'
import type { JetstreamServer } from '../../support/jetstreamServer.ts'
import { freePort, startPostgres } from '../../support/postgresServer.ts'
import type { PostgresServer } from '../../support/postgresServer.ts'
import { runApp, runScript } from '../../support/runApp.ts'
import type { RunOptions, RunningApp } from '../../support/runApp.ts'
import { openTcpProxy } from '../../support/tcpProxy.ts'
import type { TcpProxy } from '../../support/tcpProxy.ts'
import { until } from '../../support/until.ts'

/** What goes wrong with Postgres, and that it costs neither a post nor a restart. */

const FEEDS = `feeds:
  - { rkey: art, name: Art, tags: [art] }
`
const HOUR_US = 3_600_000_000
/** A reader waits no longer: the AppView has given up by then. */
const MAX_ANSWER_MS = 5_000

/** A stream of posts of one feed, each later than the one before. */
class Posts implements AsyncDisposable {
  readonly uris: string[] = []
  readonly server: JetstreamServer
  lastUs = Date.now() * 1000 - HOUR_US

  constructor(server: JetstreamServer) {
    this.server = server
  }

  send(count: number): void {
    const events = Array.from({ length: count }, () =>
      createPost({ timeUs: (this.lastUs += 1000), did: did(1), tags: ['art'] }),
    )
    this.uris.unshift(
      ...events
        .map(({ did, commit }) => `at://${did}/app.bsky.feed.post/${commit.rkey}`)
        .toReversed(),
    )
    this.server.appendAll(events)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}

interface Answer {
  readonly status: number
  readonly ms: number
  readonly body: string
  readonly headers: Headers
}

/** Asks for pages all the time, several readers at once; tells all answers at the end. */
function readAllTheTime(app: RunningApp, path?: string) {
  const query = new URLSearchParams({ feed: app.feedUri('art') })
  const url = path ?? `/xrpc/app.bsky.feed.getFeedSkeleton?${query.toString()}`
  const stop = new AbortController()
  const answers: Answer[] = []
  const read = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const startedAt = performance.now()
      const response = await app.get(url)
      const body = await response.text()
      const { status, headers } = response
      answers.push({ status, headers, body, ms: performance.now() - startedAt })
      await new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
    }
  }
  const readers = Promise.all([read(), read(), read()])
  readers.catch(() => {})
  return {
    answers,
    end: async (): Promise<Answer[]> => {
      stop.abort()
      await readers
      return answers
    },
  }
}

/** What a reader must never get. */
function faultsOf(answers: readonly Answer[]): string[] {
  return answers.flatMap(({ status, ms, body, headers }) => {
    const type = headers.get('content-type') ?? ''
    const isGood = status === 200 && body.startsWith('{"feed":[')
    const { error, message } = type.startsWith('application/json')
      ? (JSON.parse(body) as { error?: string; message?: string })
      : {}
    const isAway =
      status === 503 &&
      error === 'ServiceUnavailable' &&
      /try again/.test(message ?? '') &&
      headers.has('retry-after')
    const isLate = ms > MAX_ANSWER_MS + 500
    return (isGood || isAway) && !isLate ? [] : [`${status} after ${Math.round(ms)} ms: ${body}`]
  })
}

async function query<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'test' })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

/** Resolves when a process whose output it gets says that it waits for its database. */
function awaitWaiting() {
  const { promise, resolve } = Promise.withResolvers<void>()
  const onOutput = (text: string): void => {
    if (text.includes('databaseAway')) {
      resolve()
    }
  }
  return { waits: promise, onOutput }
}

const events = (app: RunningApp, name: string) => app.logs.filter(({ event }) => event === name)

async function openPosts(stack: AsyncDisposableStack): Promise<Posts> {
  const posts = stack.use(new Posts(await openJetstreamServer()))
  posts.send(20)
  return posts
}

/** A service on a stream of its own that has committed some posts. */
async function openService(
  stack: AsyncDisposableStack,
  databaseUrl: string,
  { env = {}, ...options }: RunOptions = {},
) {
  const posts = await openPosts(stack)
  const all = {
    FEEDGEN_DATABASE_URL: databaseUrl,
    FEEDGEN_JETSTREAM_URLS: posts.server.url,
    ...env,
  }
  const app = stack.use(await runApp({ feeds: FEEDS, env: all, ...options }))
  await app.untilCommitted(posts.lastUs)
  return { app, posts, env: all }
}

async function expectWell(app: RunningApp, posts: Posts): Promise<void> {
  posts.send(20)
  await app.untilCommitted(posts.lastUs)
  await until(async () => await app.walk('art').catch(() => false))
  expect(await app.walk('art')).toEqual(posts.uris)
  await until(async () => (await app.health()).ingest.problem === null)
  expect(events(app, 'ingestDied')).toEqual([])
  expect(app.stderr()).toBe('')
}

async function untilAnswered(port: number): Promise<Response> {
  return await until(() => fetch(`http://127.0.0.1:${port}/`).catch(() => undefined))
}

/** A user of the database whose connections can be limited: others of the server are not. */
async function createUser(url: string, name: string): Promise<string> {
  const { pathname } = new URL(url)
  await query(
    url,
    `drop role if exists ${name}; create role ${name} login password 'secret-of-${name}';
     grant all on schema public to ${name}; grant all on all tables in schema public to ${name};
     grant all on all sequences in schema public to ${name};
     grant connect on database ${pathname.slice(1)} to ${name}`,
  )
  const own = new URL(url)
  own.username = name
  own.password = `secret-of-${name}`
  return own.href
}

const endSessions = (url: string): Promise<object[]> =>
  query(
    url,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name like 'tagfeed%'`,
  )

describe('a service that has started goes on by itself', { timeout: 60_000 }, () => {
  const stack = new AsyncDisposableStack()
  let server: PostgresServer
  let proxy: TcpProxy
  let app: RunningApp
  let posts: Posts
  let env: Record<string, string>

  beforeAll(async () => {
    server = stack.use(await startPostgres())
    proxy = stack.use(await openTcpProxy(server.url()))
    ;({ app, posts, env } = await openService(stack, proxy.through(server.url())))
  })
  afterAll(() => stack.disposeAsync())

  test('when the server restarts, whose absence readers are told', async () => {
    const readers = readAllTheTime(app)
    await server.stop()
    posts.send(20)
    await until(() => readers.answers.filter(({ status }) => status === 503).length > 6)
    // Not what it has told others before.
    await until(async () => (await app.health()).ingest.problem, 3_000)
    expect((await app.get('/')).status).toBe(503)
    await server.start()
    await expectWell(app, posts)
    const answers = await readers.end()
    expect(faultsOf(answers)).toEqual([])
    expect(answers.at(-1)?.status).toBe(200)
    const told = events(app, 'requestsFail').length
    expect(told).toBeGreaterThan(0)
    expect(told).toBeLessThanOrEqual(2)
  })

  test('when all its sessions are ended, which no reader notices', async () => {
    const readers = readAllTheTime(app)
    for (let round = 0; round < 5; round += 1) {
      posts.send(20)
      expect((await endSessions(server.url())).length).toBeGreaterThan(1)
      await app.untilCommitted(posts.lastUs)
    }
    await expectWell(app, posts)
    const answers = await readers.end()
    expect(faultsOf(answers)).toEqual([])
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  })

  test('when another session has locked a table: says why, and readers of others go on', async () => {
    await using stack = new AsyncDisposableStack()
    const reader = stack.use(
      await runApp({ env: { ...env, FEEDGEN_ROLES: 'serve' }, feeds: FEEDS }),
    )
    const other = stack.adopt(new pg.Client({ connectionString: server.url() }), (client) =>
      client.end(),
    )
    await other.connect()
    await other.query('begin; lock table post in access exclusive mode')
    const before = posts.uris.slice()
    const readers = readAllTheTime(app)
    posts.send(20)
    for (const each of [app, reader]) {
      await until(async () => /lock/.test((await each.health()).ingest.problem ?? ''))
    }
    expect(await app.walk('art', 7)).toEqual(before)
    await other.query('rollback')
    await expectWell(app, posts)
    const answers = await readers.end()
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(events(app, 'storeFails')).toHaveLength(1)
    await until(async () => (await reader.health()).ingest.problem === null)
  })

  test('when the database falls silent: readers are told in time', async () => {
    const readers = readAllTheTime(app)
    proxy.stall()
    posts.send(20)
    await until(() => readers.answers.filter(({ status }) => status === 503).length > 6)
    proxy.resume()
    await expectWell(app, posts)
    expect(faultsOf(await readers.end())).toEqual([])
  })

  test('and ends when it is told to, also without an answer from the database', async () => {
    proxy.stall()
    const startedAt = performance.now()
    await app.stop()
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    proxy.resume()
  })
})

describe('a service that starts', { timeout: 60_000 }, () => {
  test('waits for a server that is away, and says so', async () => {
    await using stack = new AsyncDisposableStack()
    using folder = temporaryFolder()
    const { url } = stack.use(await createPostgresDatabase())
    const proxy = stack.use(await openTcpProxy(url))
    await proxy.close()
    const posts = await openPosts(stack)
    const port = await freePort()
    const env = {
      FEEDGEN_DATABASE_URL: proxy.through(url),
      FEEDGEN_JETSTREAM_URLS: posts.server.url,
      FEEDGEN_PORT: String(port),
    }
    const terminated = new AbortController()
    const once = awaitWaiting()
    const first = runScript('src/main.ts', [], {
      env,
      feeds: FEEDS,
      folder: folder.path,
      terminated: terminated.signal,
      onOutput: once.onOutput,
    })
    await once.waits
    const answer = await untilAnswered(port)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('2')
    expect(await answer.json()).toEqual({
      error: 'NotReady',
      message: expect.stringContaining('try again') as string,
    })
    const startedAt = performance.now()
    terminated.abort()
    const { code, stdout, stderr } = await first
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const told = stdout.split('\n').filter((line) => line.includes('databaseAway'))
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/waiting for the database: .*ECONNREFUSED/)

    const { waits, onOutput } = awaitWaiting()
    const [app] = await Promise.all([
      runApp({ env, feeds: FEEDS, onOutput }),
      waits.then(() => proxy.open()),
    ])
    stack.use(app)
    await app.untilCommitted(posts.lastUs)
    expect(await app.page('art')).toMatchObject({ feed: expect.anything() as object })
  })

  test('ends when it is told to, also while it waits for a lock', async () => {
    await using stack = new AsyncDisposableStack()
    using folder = temporaryFolder()
    const { url } = stack.use(await createPostgresDatabase())
    const other = stack.adopt(new pg.Client({ connectionString: url }), (client) => client.end())
    await other.connect()
    await other.query('begin; lock table filter in access exclusive mode')
    const terminated = new AbortController()
    const run = runScript('src/main.ts', [], {
      env: { FEEDGEN_DATABASE_URL: url },
      feeds: FEEDS,
      folder: folder.path,
      terminated: terminated.signal,
    })
    await until(async () => {
      const { rows } = await other.query(
        `select from pg_locks join pg_database on pg_database.oid = database
         where not granted and datname = current_database()`,
      )
      return rows.length > 0
    })
    const startedAt = performance.now()
    terminated.abort()
    const { code, stderr } = await run
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('waits for connections when there are none left, then and later', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createPostgresDatabase())
    const name = `few_${process.pid}`
    const own = await createUser(url, name)
    stack.defer(async () => {
      await query(url, `drop owned by ${name}; drop role ${name}`)
    })
    await query(url, `alter role ${name} connection limit 0`)
    const { waits, onOutput } = awaitWaiting()
    const [{ app, posts }] = await Promise.all([
      openService(stack, own, { onOutput }),
      waits.then(() => query(url, `alter role ${name} connection limit -1`)),
    ])
    expect(events(app, 'databaseAway')[0]?.['reason']).toMatch(/too many connections/)

    const readers = readAllTheTime(app)
    await query(url, `alter role ${name} connection limit 0`)
    await endSessions(url)
    posts.send(20)
    await until(() => readers.answers.some(({ status }) => status === 503))
    const { problem } = await until(async () => {
      const { ingest } = await app.health()
      return /too many/.test(ingest.problem ?? '') && ingest
    })
    expect(problem).toMatch(/too many connections/)
    await query(url, `alter role ${name} connection limit -1`)
    await expectWell(app, posts)
    expect(faultsOf(await readers.end())).toEqual([])
  })

  test('waits for its password to be right again when it is changed while it runs', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createPostgresDatabase())
    const name = `rotated_${process.pid}`
    const own = await createUser(url, name)
    stack.defer(async () => {
      await query(url, `drop owned by ${name}; drop role ${name}`)
    })
    const { app, posts } = await openService(stack, own)
    await query(url, `alter role ${name} password 'another'`)
    await endSessions(url)
    posts.send(20)
    const { problem } = await until(async () => {
      const { ingest } = await app.health()
      return /refuses/.test(ingest.problem ?? '') && ingest
    })
    expect(problem).not.toContain(name)
    expect(events(app, 'ingestWaits').map(({ reason }) => reason)).toContainEqual(
      expect.stringContaining('password'),
    )
    await query(url, `alter role ${name} password '${new URL(own).password}'`)
    await expectWell(app, posts)
  })

  test('with a wrong password or an unknown database is refused in plain words', async () => {
    using folder = temporaryFolder()
    const wrongPassword = new URL(inject('postgresUrl'))
    wrongPassword.password = 'hunter2hunter2'
    const wrongDatabase = new URL(inject('postgresUrl'))
    wrongDatabase.pathname = '/nowhere'
    const { password } = wrongDatabase
    const cases: [env: Record<string, string>, said: RegExp][] = [
      [{ FEEDGEN_DATABASE_URL: wrongPassword.href }, /FEEDGEN_DATABASE_URL: .*password/],
      [{ FEEDGEN_DATABASE_URL: wrongDatabase.href }, /FEEDGEN_DATABASE_URL: .*"nowhere"/],
      [
        { FEEDGEN_DATABASE_URL: `${wrongDatabase.href},${wrongPassword.href}` },
        /"nowhere"[^]*password/,
      ],
    ]
    for (const [env, said] of cases) {
      const run = await runScript('src/main.ts', [], { env, feeds: FEEDS, folder: folder.path })
      expect(run.code).toBe(2)
      expect(run.stderr).toMatch(said)
      expect(run.stderr).not.toMatch(/ at .*:\d+:\d+/)
      expect(run.stdout + run.stderr).not.toMatch(new RegExp(`hunter2|:${password}@`))
    }
  })

  test('several times at once makes an empty database ready once', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createPostgresDatabase(false))
    const posts = await openPosts(stack)
    const env = { FEEDGEN_DATABASE_URL: url, FEEDGEN_JETSTREAM_URLS: posts.server.url }
    const apps = await Promise.all(
      Array.from({ length: 4 }, async () => stack.use(await runApp({ env, feeds: FEEDS }))),
    )
    for (const app of apps) {
      await app.untilCommitted(posts.lastUs)
      expect(await app.walk('art')).toEqual(posts.uris)
      expect(app.stderr()).toBe('')
    }
  })
})
