import { setTimeout as delay } from 'node:timers/promises'
import { Kysely } from 'kysely'
import type pg from 'pg'
import { RequestError } from '../errors.ts'
import type { Database } from './database.ts'
import { ConnectionLostError, troubleOf } from './databaseErrors.ts'
import { postgresDialect } from './dialect.ts'
import { PostgresConnection } from './postgresConnection.ts'
import type { PostgresQuery } from './postgresConnection.ts'
import { kyselyDialect, prepareStatement } from './postgresStatement.ts'
import type { Schema } from './schema.ts'

export interface PostgresReaderOptions {
  /** Servers that hold the same data; replicas will do. */
  readonly urls: readonly string[]
  readonly connections?: number
}

const CONNECTIONS = 4
/** The AppView gives up after five seconds: what would be answered later helps nobody. */
const STATEMENT_MS = 4_000
const ANSWER_MS = 5_000
const WAIT_MS = 2_000
/** Requests that wait for answers; more of them would be answered too late. */
const MAX_WAITING = 2_000
const RECONNECT_MS = 200
const MAX_TRIES = 3

const SETTINGS = {
  default_transaction_read_only: 'on',
  statement_timeout: `${STATEMENT_MS}ms`,
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
  // A page is a walk along an index. A planner without statistics might sort or scan instead.
  enable_sort: 'off',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
}

/**
 * Reads over a few connections, spread over the servers of the list. One that ends is opened again on
 * the next server that answers; a query that it was to answer is asked again elsewhere.
 */
export async function openPostgresReader(options: PostgresReaderOptions): Promise<Database> {
  const { urls, connections = CONNECTIONS } = options
  const links = Array.from({ length: connections }, (_, index) => {
    const first = index % urls.length
    return new Link([...urls.slice(first), ...urls.slice(0, first)])
  })
  // A wrong password is told by every server alike; one that is only down is waited for.
  await Promise.race(links.map((link) => link.ready))
  const send = (query: PostgresQuery): Promise<pg.QueryResult> => sendSomewhere(links, query)
  const kysely = new Kysely<Schema>({ dialect: kyselyDialect(send) })
  return {
    dialect: postgresDialect,
    kysely,
    prepare: (build) => prepareStatement(send, kysely, build),
    version: () => undefined,
    transaction: () => Promise.reject(new Error('a reader does not write')),
    [Symbol.asyncDispose]: async () => {
      await kysely.destroy()
      await Promise.all(links.map((link) => link[Symbol.asyncDispose]()))
    },
  }
}

async function sendSomewhere(
  links: readonly Link[],
  query: PostgresQuery,
): Promise<pg.QueryResult> {
  for (let attempt = 1; ; attempt += 1) {
    const link = leastBusy(links) ?? (await anyReady(links))
    try {
      return await link.send(query)
    } catch (error) {
      if (troubleOf(error) !== 'lost' || attempt >= MAX_TRIES) {
        throw error
      }
    }
  }
}

function leastBusy(links: readonly Link[]): Link | undefined {
  let best: Link | undefined
  let waiting = 0
  for (const link of links) {
    waiting += link.waiting
    if (link.isOpen && (best === undefined || link.waiting < best.waiting)) {
      best = link
    }
  }
  if (waiting >= MAX_WAITING) {
    throw new RequestError(
      'RateLimitExceeded',
      'This feed is very busy: try again in a moment',
      429,
    )
  }
  return best
}

async function anyReady(links: readonly Link[]): Promise<Link> {
  const stop = new AbortController()
  const late = delay(WAIT_MS, undefined, { signal: stop.signal }).then(() => undefined)
  late.catch(() => {})
  await Promise.race([late, ...links.map((link) => link.ready)])
  stop.abort()
  const link = leastBusy(links)
  if (link === undefined) {
    throw new ConnectionLostError('no database server answers')
  }
  return link
}

/** One connection that comes back by itself. */
class Link implements AsyncDisposable {
  readonly #urls: string[]
  readonly #stop = new AbortController()
  #connection: PostgresConnection | undefined
  #hasWorked = false
  /** Resolves when there is a connection. */
  ready: Promise<void>
  waiting = 0

  constructor(urls: readonly string[]) {
    this.#urls = [...urls]
    this.ready = this.#connect()
  }

  get isOpen(): boolean {
    return this.#connection?.isOpen === true
  }

  async send(query: PostgresQuery): Promise<pg.QueryResult> {
    const connection = this.#connection
    if (connection === undefined) {
      throw new ConnectionLostError('the connection to the database has ended')
    }
    this.waiting += 1
    try {
      return await connection.query(query)
    } finally {
      this.waiting -= 1
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#connection?.[Symbol.asyncDispose]()
  }

  async #connect(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const connection = await PostgresConnection.open({
          urls: this.#urls,
          isWriter: false,
          name: 'tagfeed serve',
          settings: SETTINGS,
          hasPipeline: true,
          answerMs: ANSWER_MS,
        })
        connection.onClose(() => {
          this.#connection = undefined
          this.ready = this.#connect()
        })
        this.#connection = connection
        this.#hasWorked = true
        return
      } catch (error) {
        if (!this.#hasWorked && troubleOf(error) === undefined) {
          throw error
        }
        await delay(RECONNECT_MS, undefined, { signal: this.#stop.signal }).catch(() => {})
      }
    }
  }
}
