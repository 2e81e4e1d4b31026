import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import BetterSqlite3 from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { openWriter } from '../../src/db/openDatabase.ts'
import { migrate } from '../../src/db/upgrade/migrate.ts'
import { temporaryFolder } from '../support/databases.ts'
import { createPost, deletePost, did } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp, runScript } from '../support/runApp.ts'
import type { FinishedRun } from '../support/runApp.ts'
import { serviceDatabaseUrl } from '../support/serviceDatabase.ts'
import {
  INSIDE,
  NOWHERE,
  SERVING,
  START_MS,
  faultsOf,
  feeds,
  isSqlite,
  refusalFaults,
  spawnIn,
  startAndEnd,
  uriOf,
} from '../support/startService.ts'
import { until } from '../support/until.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SKELETON = '/xrpc/app.bsky.feed.getFeedSkeleton'

/** For what may as well be called a failure. */
const failureFaults = (run: FinishedRun, ...named: (string | RegExp)[]): string[] =>
  faultsOf(run, [1, 2], named)

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
