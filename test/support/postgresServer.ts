import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { EmbeddedPostgres } from './embeddedPostgres.ts'
import { openTcpProxy } from './tcpProxy.ts'
import type { TcpProxy } from './tcpProxy.ts'
import { until } from './until.ts'

/** A Postgres of a test's own, on a free port of the loopback, which it keeps. */
export interface PostgresServer extends AsyncDisposable {
  /** Of a database in it, by name. */
  url(database?: string): string
  readonly port: number
  /** Resolves when it takes connections. */
  start(): Promise<void>
  /** In an orderly way, but without waiting for clients. */
  stop(): Promise<void>
  /** All its processes at once, as if the machine had gone. */
  kill(): void
}

const PASSWORD = 'tagfeed'
const USER = 'postgres'

/** Durability against power cuts is not what the tests are about; all else is as it comes. */
const FLAGS = ['fsync=off', 'max_connections=400', 'listen_addresses=127.0.0.1']

export interface PostgresServerOptions {
  readonly settings?: readonly string[]
  /** Keeps its data here, for the next server too; gone with the server when left out. */
  readonly folder?: string
}

export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const folder = options.folder ?? makeFolder()
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o711)
  const isKept = options.folder !== undefined
  const server = new Server(folder, await freePort(), options.settings ?? [], isKept)
  if (!existsSync(join(folder, 'data'))) {
    await server.initialise()
  }
  await server.start()
  return server
}

export interface PostgresPair extends AsyncDisposable {
  readonly primary: PostgresServer
  /** Can be promoted. */
  readonly replica: PostgresServer
  /** Over which the replica hears of commits. */
  readonly link: TcpProxy
}

/** A primary, and a replica that follows it over the wire. */
export async function startPostgresPair(): Promise<PostgresPair> {
  await using stack = new AsyncDisposableStack()
  const settings = ['wal_level=replica', 'wal_keep_size=512MB', 'max_connections=100']
  const primary = stack.use(new Server(makeFolder(), await freePort(), settings))
  const replica = stack.use(new Server(makeFolder(), await freePort(), settings))
  const link = stack.use(await openTcpProxy(primary.url()))
  await primary.initialise()
  // What has not run yet is whole on disk: its copy is the same cluster.
  replica.follow(primary, link)
  await primary.start()
  await replica.start()
  const resources = stack.move()
  return { primary, replica, link, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

class Server implements PostgresServer {
  readonly port: number
  readonly #folder: string
  readonly #data: string
  readonly #server: InstanceType<typeof EmbeddedPostgres>
  readonly #isKept: boolean

  constructor(folder: string, port: number, settings: readonly string[], isKept = false) {
    this.port = port
    this.#isKept = isKept
    this.#folder = folder
    this.#data = join(folder, 'data')
    this.#server = new EmbeddedPostgres({
      databaseDir: this.#data,
      port,
      user: USER,
      password: PASSWORD,
      persistent: true,
      // Postgres refuses to run as root.
      createPostgresUser: true,
      initdbFlags: ['--no-sync', '--encoding=UTF8'],
      postgresFlags: [...FLAGS, ...settings].flatMap((flag) => ['-c', flag]),
      onLog: () => {},
      onError: () => {},
    })
  }

  url(database = 'postgres'): string {
    return `postgres://${USER}:${PASSWORD}@127.0.0.1:${this.port}/${database}`
  }

  async initialise(): Promise<void> {
    await this.#server.initialise()
  }

  follow(primary: Server, link: TcpProxy): void {
    // With its owner, which is not the user of this process when that is root.
    execFileSync('cp', ['-pR', primary.#data, this.#data])
    const source = link.through(primary.url())
    writeFileSync(join(this.#data, 'postgresql.auto.conf'), `primary_conninfo = '${source}'\n`)
    writeFileSync(join(this.#data, 'standby.signal'), '')
  }

  async start(): Promise<void> {
    // The package waits for words that a replica does not say.
    let hasEnded = false
    this.#server.start().catch(() => {
      hasEnded = true
    })
    await until(() => {
      if (hasEnded) {
        throw new Error('the Postgres server does not start')
      }
      return this.#isUp()
    })
  }

  async stop(): Promise<void> {
    await this.#server.stop()
  }

  kill(): void {
    const [text] = readFileSync(join(this.#data, 'postmaster.pid'), 'utf8').split('\n')
    const postmaster = Number(text)
    const processes = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
    const children = processes.flatMap(([pid, parent]) => (parent === postmaster ? [pid] : []))
    for (const pid of [postmaster, ...children]) {
      killIfThere(pid ?? 0)
    }
    // The package would wait for its end, which it has missed.
    Object.assign(this.#server, { process: undefined })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop()
    if (!this.#isKept) {
      rmSync(this.#folder, { recursive: true, force: true })
    }
  }

  async #isUp(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url(), connectionTimeoutMillis: 1_000 })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.end()
      return true
    } catch {
      return false
    }
  }
}

/** Its own user has to find the way in. */
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-postgres-'))
  chmodSync(folder, 0o711)
  return folder
}

/** A child may have gone with its parent. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error
    }
  }
}

/** Below the ports that systems give to clients: none of them takes it while the server is away. */
const PORTS = { from: 16_000, count: 14_000 }

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  return await until(async () => {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    await new Promise((resolve) => {
      server.close(resolve)
    })
    return isFree && port
  })
}
