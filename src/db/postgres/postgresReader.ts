import { setTimeout as delay } from 'node:timers/promises'
import { Kysely } from 'kysely'
import type pg from 'pg'
import type { ReadDatabase } from '../database.ts'
import { BusyError, ConnectionLostError, troubleOf } from '../databaseErrors.ts'
import type { Schema } from '../schema.ts'
import { postgresDialect } from '../statements/dialect.ts'
import { PostgresConnection } from './postgresConnection.ts'
import type { PostgresQuery } from './postgresConnection.ts'
import { kyselyDialect, prepareStatement } from './prepareStatement.ts'

export interface PostgresReaderOptions {
  /** In the order of preference. */
  readonly urls: readonly string[]
  /** As of `ConnectionOptions`. */
  readonly variable?: string
  /**
   * `anywhere`: the servers hold the same data, and the work is spread over them. `writer`: only when
   * no server takes writes is one read that does not, which may be behind.
   */
  readonly from: 'anywhere' | 'writer'
  readonly connections?: number
}

const CONNECTIONS = 4
/** After four seconds the request is answered with an error: what comes later helps nobody. */
const DEADLINE_MS = 3_800
/** A server that lives answers by then, if only that it has given up: there is time to ask another. */
const STATEMENT_MS = 2_500
const ANSWER_MS = 3_000
/** With less time left than this no other server is asked. */
const MIN_ANSWER_MS = 200
/** So long after the last connection has ended, a query waits for one; later it is told at once. */
const WAIT_MS = 2_000
/** Requests that wait for answers; more of them would be answered too late. */
const MAX_WAITING = 2_000
const RECONNECT_MIN_MS = 200
const RECONNECT_MAX_MS = 1_000
/** How often one that reads from a replica for want of a writer looks for the writer. */
const RETURN_MS = 5_000
const MAX_TRIES = 10

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
 * @throws ConnectionLostError when no server can be reached now
 * @throws ConfigError as `PostgresConnection.open`
 */
export async function openPostgresReader(options: PostgresReaderOptions): Promise<ReadDatabase> {
  const { urls, from, connections = CONNECTIONS } = options
  const first = await connect(options)
  const links = Array.from({ length: connections }, (_, index) => {
    const turn = from === 'anywhere' ? index % urls.length : 0
    const turned = [...urls.slice(turn), ...urls.slice(0, turn)]
    return new Link({ ...options, urls: turned }, index === 0 ? first : undefined)
  })
  const send = (query: PostgresQuery): Promise<pg.QueryResult> => sendSomewhere(links, query)
  const kysely = new Kysely<Schema>({ dialect: kyselyDialect(send) })
  return {
    dialect: postgresDialect,
    kysely,
    prepare: (build) => prepareStatement(send, kysely, build),
    version: () => undefined,
    [Symbol.asyncDispose]: async () => {
      await kysely.destroy()
      await Promise.all(links.map((link) => link[Symbol.asyncDispose]()))
    },
  }
}

interface Found {
  readonly connection: PostgresConnection
  /** Whether there may be a better server for it later. */
  readonly isMakeshift: boolean
}

async function connect(
  { urls, from, variable }: PostgresReaderOptions,
  signal?: AbortSignal,
): Promise<Found> {
  const options = {
    urls,
    ...(variable !== undefined && { variable }),
    name: 'tagfeed serve',
    settings: SETTINGS,
    hasPipeline: true,
    answerMs: ANSWER_MS,
    ...(signal && { signal }),
  }
  if (from === 'writer' && urls.length > 1) {
    try {
      const connection = await PostgresConnection.open({ ...options, isWriter: true })
      return { connection, isMakeshift: false }
    } catch (error) {
      if (troubleOf(error) !== 'lost') {
        throw error
      }
    }
  }
  const connection = await PostgresConnection.open({ ...options, isWriter: false })
  return { connection, isMakeshift: from === 'writer' && urls.length > 1 }
}

async function sendSomewhere(
  links: readonly Link[],
  query: PostgresQuery,
): Promise<pg.QueryResult> {
  const deadline = performance.now() + DEADLINE_MS
  for (let attempt = 1; ; attempt += 1) {
    const link = leastBusy(links) ?? (await anyReady(links, deadline))
    try {
      return await link.send(query, attempt === 1 ? undefined : answerMs(deadline))
    } catch (error) {
      const isOver = attempt >= MAX_TRIES || performance.now() >= deadline - MIN_ANSWER_MS
      if (isOver || !isForAnother(error)) {
        throw error
      }
    }
  }
}

function answerMs(deadline: number): number {
  return Math.max(MIN_ANSWER_MS, Math.min(deadline - performance.now(), ANSWER_MS))
}

/** The connection has ended, or a replica had to give up for what it has to replay. */
function isForAnother(error: unknown): boolean {
  return troubleOf(error) === 'lost' || (error as { code?: unknown }).code === '40001'
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
    throw new BusyError(`${waiting} statements wait for the database`)
  }
  return best
}

async function anyReady(links: readonly Link[], deadline: number): Promise<Link> {
  const awaySince = Math.max(...links.map((link) => link.awaySince))
  const waitMs = Math.min(awaySince + WAIT_MS, deadline) - performance.now()
  if (waitMs > 0) {
    const stop = new AbortController()
    const late = delay(waitMs, undefined, { signal: stop.signal }).catch(() => {})
    await Promise.race([late, ...links.map((link) => link.ready)])
    stop.abort()
  }
  const link = leastBusy(links)
  if (link === undefined) {
    throw new ConnectionLostError('no database server answers')
  }
  return link
}

/** One connection that comes back by itself. */
class Link implements AsyncDisposable {
  readonly #options: PostgresReaderOptions
  readonly #stop = new AbortController()
  #connection: PostgresConnection | undefined
  #lookout: NodeJS.Timeout | undefined
  /** Resolves when there is a connection. */
  ready: Promise<void>
  waiting = 0
  /** When it has lost its last connection, by `performance.now`. */
  awaySince = performance.now()

  constructor(options: PostgresReaderOptions, first: Found | undefined) {
    this.#options = options
    if (first === undefined) {
      this.ready = this.#connect()
    } else {
      this.ready = Promise.resolve()
      this.#use(first)
    }
  }

  get isOpen(): boolean {
    return this.#connection?.isOpen === true
  }

  async send(query: PostgresQuery, answerMs: number | undefined): Promise<pg.QueryResult> {
    const connection = this.#connection
    if (connection === undefined) {
      throw new ConnectionLostError('the connection to the database has ended')
    }
    this.waiting += 1
    try {
      return await connection.query(query, answerMs)
    } finally {
      this.waiting -= 1
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#lookout)
    // It may be just about to open.
    await this.ready.catch(() => {})
    await this.#connection?.[Symbol.asyncDispose]()
  }

  async #connect(): Promise<void> {
    const { signal } = this.#stop
    for (let waitMs = RECONNECT_MIN_MS; !signal.aborted; waitMs *= 2) {
      try {
        this.#use(await connect(this.#options, signal))
        return
      } catch {
        // Whatever it is, readers are told while there is no connection.
        const most = Math.min(waitMs, RECONNECT_MAX_MS)
        await delay(most, undefined, { signal }).catch(() => {})
      }
    }
  }

  #use({ connection, isMakeshift }: Found): void {
    if (this.#stop.signal.aborted || !connection.isOpen) {
      void connection[Symbol.asyncDispose]()
      throw new ConnectionLostError('the connection to the database has ended')
    }
    const former = this.#connection
    this.#connection = connection
    connection.onClose(() => {
      if (this.#connection === connection) {
        this.#connection = undefined
        this.awaySince = performance.now()
        this.ready = this.#connect()
      }
    })
    void former?.[Symbol.asyncDispose]()
    clearTimeout(this.#lookout)
    this.#lookout = isMakeshift
      ? setTimeout(() => void this.#lookForBetter(), RETURN_MS).unref()
      : undefined
  }

  /** Tries again what was not to be had when the connection was made. */
  async #lookForBetter(): Promise<void> {
    const found = await connect(this.#options, this.#stop.signal).catch(() => undefined)
    if (found !== undefined && this.#connection !== undefined) {
      try {
        this.#use(found)
      } catch {
        // It has ended again already, or this link has; the former connection is still there.
      }
    } else {
      await found?.connection[Symbol.asyncDispose]()
    }
  }
}
