import { closeSync, existsSync, fstatSync, openSync, renameSync, rmSync } from 'node:fs'
import { truncateSync, writeFileSync, writeSync } from 'node:fs'
import BetterSqlite3 from 'better-sqlite3'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { openWriter } from '../../src/db/openDatabase.ts'
import { temporaryFolder } from '../support/databases.ts'
import { did } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { Posts } from '../support/postSeries.ts'
import { runApp, runScript } from '../support/runApp.ts'
import type { LogLine, RunningApp } from '../support/runApp.ts'
import { LOCKED, engine, lockDatabase, serviceDatabaseUrl } from '../support/serviceDatabase.ts'
import { spoiltBy } from '../support/spoilIngest.ts'
import type { Spoiling } from '../support/spoilIngest.ts'
import { until } from '../support/until.ts'

/** What goes wrong around the service, and that it costs neither a post nor a reader. */

const FEEDS = `feeds:
  - { rkey: art, name: Art, tags: [art] }
`

describe('a service', { concurrent: true, timeout: 60_000 }, () => {
  /** A service on a stream of its own that has committed some posts. */
  async function openService(stack: AsyncDisposableStack, env: Record<string, string> = {}) {
    const server = stack.use(await openJetstreamServer())
    const posts = new Posts(server)
    posts.send(20)
    const allEnv = { FEEDGEN_JETSTREAM_URLS: server.url, ...env }
    const app = stack.use(await runApp({ feeds: FEEDS, env: allEnv }))
    await app.untilCommitted(posts.lastUs)
    const url = await serviceDatabaseUrl(app.folder)
    return { server, posts, app, env: allEnv, url, file: url.replace('sqlite:', '') }
  }

  const logged = (app: RunningApp, event: string): LogLine[] =>
    app.logs.filter((line) => line.event === event)

  /** Asks for pages all the time; at the end tells the slowest answer. Fails when one fails. */
  function readAllTheTime(app: RunningApp) {
    const stop = new AbortController()
    const slowest = (async () => {
      let slowestMs = 0
      let count = 0
      while (!stop.signal.aborted) {
        const startedAt = performance.now()
        expect((await app.page('art', { limit: 1 + (count % 100) })).feed).not.toHaveLength(0)
        slowestMs = Math.max(slowestMs, performance.now() - startedAt)
        count += 1
        await new Promise((resolve) => {
          setTimeout(resolve, 10)
        })
      }
      return { slowestMs, count }
    })()
    slowest.catch(() => {})
    return {
      end: () => {
        stop.abort()
        return slowest
      },
    }
  }

  test('whose database is locked by another process serves, says so, and loses nothing', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, posts, url } = await openService(stack)
    const before = posts.uris.slice()
    const lock = stack.use(await lockDatabase(url))
    const readers = readAllTheTime(app)
    posts.send(20)
    const [fails] = await until(() => logged(app, 'storeFails').length > 0 && app.logs.slice(-1))
    expect(fails?.['reason']).toMatch(LOCKED)
    // Strangers get plain words, on either engine.
    const told = await until(async () => (await app.health()).ingest.problem)
    expect(told).toMatch(/locked by another process/)
    expect(await app.walk('art', 7)).toEqual(before)
    await lock.release()
    await app.untilCommitted(posts.lastUs)
    expect(await app.walk('art')).toEqual(posts.uris)
    const { slowestMs, count } = await readers.end()
    expect(slowestMs).toBeLessThan(2_000)
    expect(count).toBeGreaterThan(50)
    expect(logged(app, 'storeFails')).toHaveLength(1)
    expect(logged(app, 'storeRecovered')).toHaveLength(1)
    expect(logged(app, 'ingestDied')).toHaveLength(0)
    await until(async () => (await app.health()).ingest.problem === null)
  })

  test.runIf(engine === 'sqlite')(
    'that shares its file with another one that ingests loses nothing, and says so',
    async () => {
      await using stack = new AsyncDisposableStack()
      const { app, env, posts } = await openService(stack)
      const other = stack.use(await runApp({ feeds: FEEDS, folder: app.folder, env }))
      await until(async () => (await other.health()).ingest.connected)
      for (let round = 0; round < 5; round += 1) {
        posts.send(10)
        await Promise.all([app.untilCommitted(posts.lastUs), other.untilCommitted(posts.lastUs)])
        expect(await app.walk('art')).toEqual(posts.uris)
      }
      // Each has found out that the other one stores too, and says it once a minute.
      await until(() => logged(app, 'ingestDisturbed').length > 0)
      expect(logged(app, 'ingestDisturbed')).toHaveLength(1)
      expect(logged(app, 'operationRefused')).toEqual([])
      expect(logged(other, 'operationRefused')).toEqual([])
    },
  )

  test('whose database is locked ends within 10 s of SIGTERM, and loses nothing', async () => {
    await using stack = new AsyncDisposableStack()
    const { app, env, posts, url } = await openService(stack)
    const lock = stack.use(await lockDatabase(url))
    posts.send(20)
    await until(() => logged(app, 'storeFails').length > 0)
    const startedAt = performance.now()
    const code = await app.stop()
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    // What it has read cannot be committed: it is no clean end, and the reason is told.
    expect(code).toBe(1)
    await lock.release()
    await using again = await runApp({ feeds: FEEDS, env, folder: app.folder })
    await again.untilCommitted(posts.lastUs)
    expect(await again.walk('art')).toEqual(posts.uris)
  })

  test.runIf(engine === 'sqlite')(
    'whose SQLite file is locked at the start says why it cannot start',
    async () => {
      await using stack = new AsyncDisposableStack()
      const { app, env, url } = await openService(stack)
      expect(await app.stop()).toBe(0)
      stack.use(await lockDatabase(url))
      const run = await runScript('src/main.ts', [], { feeds: FEEDS, env, folder: app.folder })
      expect(run.code).toBe(1)
      expect(run.stderr).toMatch(LOCKED)
      expect(run.stderr).not.toMatch(/^\s+at /m)
    },
  )

  test.runIf(engine === 'postgres')(
    'whose Postgres tables are locked at the start waits until they are free',
    async () => {
      await using stack = new AsyncDisposableStack()
      const { app, env, posts, url } = await openService(stack)
      expect(await app.stop()).toBe(0)
      const lock = stack.use(await lockDatabase(url))
      const starting = runApp({ feeds: FEEDS, env, folder: app.folder })
      await until(() => lock.isAwaited())
      await lock.release()
      await using again = await starting
      posts.send(5)
      await again.untilCommitted(posts.lastUs)
      expect(await again.walk('art')).toEqual(posts.uris)
    },
  )

  test.runIf(engine === 'postgres')(
    'whose password is changed while it runs waits, says so once, and goes on',
    async () => {
      using folder = temporaryFolder()
      const url = new URL(await serviceDatabaseUrl(folder.path))
      await using admin = await openWriter(url.href)
      const run = async (text: string): Promise<void> => {
        await sql.raw(text).execute(admin.kysely)
      }
      const role = `rotated_${process.pid}`
      await run(`create role ${role} superuser login password 'first'`)
      await using stack = new AsyncDisposableStack()
      stack.defer(() => run(`drop owned by ${role}; drop role ${role}`))
      const server = stack.use(await openJetstreamServer())
      const posts = new Posts(server)
      posts.send(20)
      const own = Object.assign(new URL(url), { username: role, password: 'first' })
      const env = { FEEDGEN_JETSTREAM_URLS: server.url, FEEDGEN_DATABASE_URL: own.href }
      const app = stack.use(await runApp({ feeds: FEEDS, folder: folder.path, env }))
      await app.untilCommitted(posts.lastUs)
      await run(`alter role ${role} password 'second'`)
      await run(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`)
      posts.send(20)
      const refused = (): LogLine[] =>
        logged(app, 'ingestWaits').filter(({ reason }) => /password/.test(String(reason)))
      await until(() => refused().length > 0)
      // Some more attempts, of which none is told.
      await run('select pg_sleep(3)')
      expect(refused()).toHaveLength(1)
      await run(`alter role ${role} password 'first'`)
      await app.untilCommitted(posts.lastUs)
      // Readers have a connection of their own, which tries again in its own time.
      await until(() => app.page('art').catch(() => undefined))
      expect(await app.walk('art')).toEqual(posts.uris)
      expect(logged(app, 'ingestDied')).toEqual([])
      expect(await app.stop()).toBe(0)
    },
  )

  test.runIf(engine === 'sqlite')(
    'whose file is removed, replaced and put back says so: that ingests, and that only serves',
    async () => {
      await using stack = new AsyncDisposableStack()
      const { app, posts, env, file } = await openService(stack)
      const serving = { ...env, FEEDGEN_ROLES: 'serve' }
      const server = stack.use(await runApp({ feeds: FEEDS, folder: app.folder, env: serving }))
      const apps = [app, server]
      const ready = async (): Promise<string> => {
        const texts = await Promise.all(
          apps.map(async (one) => await (await one.get('/ready')).text()),
        )
        return texts.join('\n')
      }
      const lost = async (): Promise<string[]> =>
        await Promise.all(
          apps.map(async (one) => {
            const text = await (await one.get('/metrics')).text()
            return /^feedgen_database_file_lost (\d)/m.exec(text)?.[1] ?? 'none'
          }),
        )
      // Metrics are made once a second at most.
      const untilLost = (flag: string): Promise<unknown> =>
        until(async () => (await lost()).every((each) => each === flag))
      await untilLost('0')
      renameSync(file, `${file}.away`)
      await until(async () => (await ready()).match(/has been removed/g)?.length === 2)
      await untilLost('1')
      expect(await ready()).not.toContain(file)
      posts.send(5)
      await app.untilCommitted(posts.lastUs)
      // Nobody makes a new file in its place.
      expect(existsSync(file)).toBe(false)
      writeFileSync(file, '')
      await until(async () => (await ready()).match(/has been replaced/g)?.length === 2)
      renameSync(`${file}.away`, file)
      await until(async () => !(await ready()).includes('under the running service'))
      await untilLost('0')
      for (const one of apps) {
        const told = one.logs.filter(({ event }) => /databaseFile/.test(String(event)))
        expect(told.map(({ event }) => event)).toEqual([
          'databaseFileLost',
          'databaseFileLost',
          'databaseFileBack',
        ])
        expect(told[0]?.['msg']).toMatch(/put back the same file/)
      }
      expect(await app.walk('art')).toEqual(posts.uris)
    },
  )

  const deaths: [how: Spoiling['how'], what: string][] = [
    ['exit', 'dies between rows and commit'],
    ['uncaught', 'dies of an error that nobody waits for'],
    ['error', 'gives up after an error that is not the database’s'],
  ]
  test.each(deaths)('whose ingest %ss goes on: the thread %s', async (how) => {
    await using stack = new AsyncDisposableStack()
    const spoilt = spoiltBy({ how, fromCommit: 3, threads: 2 })
    const { app, posts } = await openService(stack, spoilt)
    const readers = readAllTheTime(app)
    // Each thread dies of its third commit, which only more posts bring about.
    await until(() => {
      posts.send(5)
      return logged(app, 'ingestDied').length === 2
    })
    posts.send(5)
    await app.untilCommitted(posts.lastUs)
    expect(await app.walk('art')).toEqual(posts.uris)
    expect((await readers.end()).slowestMs).toBeLessThan(2_000)
    expect(app.logs.at(-1)?.event).toBe('streamConnected')
    expect(await app.stop()).toBe(0)
  })

  const quickDeaths = ['exit', 'uncaught'] as const
  test.each(quickDeaths)('whose ingest %ss every time ends with a reason', async (how) => {
    await using stack = new AsyncDisposableStack()
    const server = stack.use(await openJetstreamServer())
    const posts = new Posts(server)
    posts.send(5)
    const env = {
      FEEDGEN_JETSTREAM_URLS: server.url,
      ...spoiltBy({ how, fromCommit: 1, threads: 1_000, hurry: 100 }),
    }
    const app = stack.use(await runApp({ feeds: FEEDS, env }))
    let code: number | null | undefined
    void app.exited.then((exit) => (code = exit))
    await until(() => code !== undefined, 50_000)
    expect(code).toBe(1)
    expect(app.stderr()).toMatch(/ingest cannot go on: \S+ \S+/)
    expect(app.stderr()).not.toMatch(/^\s+at /m)
    // As long as something may be temporary it is tried again, but not for ever.
    expect(logged(app, 'ingestDied').length).toBeGreaterThan(2)
  })

  describe.runIf(engine === 'sqlite')('whose SQLite file is damaged', () => {
    const PAGE = 4_096

    /** Brings everything from the log into the file itself. */
    function checkpoint(file: string): void {
      const handle = new BetterSqlite3(file)
      handle.pragma('wal_checkpoint(truncate)')
      handle.close()
    }

    /** Overwrites all but the first pages, as a bad disk or another program does. */
    function spoilMiddle(file: string): void {
      const handle = openSync(file, 'r+')
      const pages = Math.floor(fstatSync(handle).size / PAGE)
      const garbage = Buffer.alloc(PAGE, 0xa5)
      for (let page = Math.max(2, Math.floor(pages / 4)); page < pages; page += 1) {
        writeSync(handle, garbage, 0, PAGE, page * PAGE)
      }
      closeSync(handle)
    }

    test('while it runs ends with a reason, or goes on being right', async () => {
      await using stack = new AsyncDisposableStack()
      const { app, posts, file } = await openService(stack)
      for (let round = 0; round < 10; round += 1) {
        posts.send(300, { did: did(round) })
        await app.untilCommitted(posts.lastUs)
      }
      checkpoint(file)
      spoilMiddle(file)
      let code: number | null | undefined
      void app.exited.then((exit) => (code = exit))
      let rounds = 0
      const isRight = async (): Promise<boolean> => {
        posts.send(10, { did: did(rounds) })
        const read = await app.walk('art').catch(() => undefined)
        rounds += 1
        // What has not come yet may be missing, and nothing else.
        return read !== undefined && posts.uris.join(' ').endsWith(read.join(' '))
      }
      let isLastRight = false
      await until(async () => {
        isLastRight = await isRight()
        return code !== undefined || rounds >= 200
      }, 25_000)
      const outcome = {
        code,
        isRight: isLastRight,
        isExplained: /malformed|damaged|corrupt/.test(app.stderr()),
      }
      expect([
        { code: 1, isRight: expect.any(Boolean) as boolean, isExplained: true },
        { code: undefined, isRight: true, isExplained: false },
      ]).toContainEqual(outcome)
    })

    const harms: [what: string, harm: (file: string) => void][] = [
      ['is no database', (file) => writeFileSync(file, 'x'.repeat(40_000))],
      ['is cut short', (file) => truncateSync(file, 3 * PAGE)],
      [
        'has a spoilt schema',
        (file) => {
          const handle = openSync(file, 'r+')
          writeSync(handle, Buffer.alloc(PAGE - 100, 0xa5), 0, PAGE - 100, 100)
          closeSync(handle)
        },
      ],
    ]
    test.each(harms)('at the start does not start, and says why: it %s', async (_, harm) => {
      await using stack = new AsyncDisposableStack()
      const { app, posts, env, file } = await openService(stack)
      posts.send(2_000)
      await app.untilCommitted(posts.lastUs)
      expect(await app.stop()).toBe(0)
      checkpoint(file)
      rmSync(`${file}-wal`, { force: true })
      harm(file)
      const run = await runScript('src/main.ts', [], { feeds: FEEDS, env, folder: app.folder })
      expect([1, 2]).toContain(run.code)
      expect(run.stderr).toMatch(/not a database|malformed|damaged/)
      expect(run.stderr).not.toMatch(/^\s+at /m)
    })
  })
})
