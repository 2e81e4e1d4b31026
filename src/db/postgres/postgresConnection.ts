import pg from 'pg'
import { ConfigError } from '../../errors.ts'
import { ConnectionLostError, troubleOf } from '../databaseErrors.ts'

/** One statement on its way to the server; with a name it is prepared once a connection. */
export interface PostgresQuery {
  readonly name?: string
  readonly text: string
  readonly values?: readonly unknown[]
  readonly rowMode?: 'array'
}

export interface ConnectionOptions {
  /** In the order of preference. */
  readonly urls: readonly string[]
  /** The environment's name of the list; FEEDGEN_DATABASE_URL when left out. */
  readonly variable?: string
  /** Only a server that takes writes will do: not a replica. */
  readonly isWriter: boolean
  /** Shown by the server beside the connection. */
  readonly name: string
  /** Run-time parameters of the session. */
  readonly settings: Readonly<Record<string, string>>
  /** Sends statements without waiting for the answers to those before. */
  readonly hasPipeline?: boolean
  /** A session that leaves a statement without any answer for so long is ended from here. */
  readonly answerMs: number
  /** Ends the opening: of what is not open yet nothing remains. */
  readonly signal?: AbortSignal
}

const CONNECT_MS = 3_000
const GOODBYE_MS = 1_000

/** Integers are numbers, as SQLite gives them: microseconds fit until the year 2255. */
const INT8 = 20
const types = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

/** One session of a Postgres server. */
export class PostgresConnection implements AsyncDisposable {
  readonly #client: pg.Client
  #isOpen = true
  #onClose: (() => void) | undefined

  private constructor(client: pg.Client) {
    this.#client = client
  }

  /**
   * Opens a session on the first server of the list that will do.
   * @throws ConnectionLostError when none can be reached now
   * @throws ConfigError when all servers refuse the user, the password or the name of the database
   */
  static async open(options: ConnectionOptions): Promise<PostgresConnection> {
    const reasons: string[] = []
    const refusals: string[] = []
    let cause: unknown
    for (const url of options.urls) {
      if (options.signal?.aborted === true) {
        break
      }
      try {
        return await PostgresConnection.#openOne(url, options)
      } catch (error) {
        const reason = `${describePlace(url)}: ${(error as Error).message || String(error)}`
        reasons.push(reason)
        refusals.push(...(isMisconfigured(error) ? [reason] : []))
        cause = error
      }
    }
    if (refusals.length === options.urls.length) {
      throw misconfigured(options.variable ?? 'FEEDGEN_DATABASE_URL', refusals, cause)
    }
    throw new ConnectionLostError(`no database server will do (${reasons.join('; ')})`)
  }

  static async #openOne(url: string, options: ConnectionOptions): Promise<PostgresConnection> {
    const client = new pg.Client({
      connectionString: url,
      application_name: options.name,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: options.answerMs,
      keepAlive: true,
      pipeline: options.hasPipeline === true,
      types,
    })
    const connection = new PostgresConnection(client)
    // Without a listener the end of a session would end the process.
    client.on('error', () => connection.#close())
    client.on('end', () => connection.#close())
    const stop = (): void => cut(client)
    options.signal?.addEventListener('abort', stop)
    try {
      await client.connect()
      const settings = Object.entries(options.settings)
        .map(([name, value]) => `set ${name} = ${pg.escapeLiteral(value)}`)
        .join('; ')
      // A server that stalls right now is as good as none.
      await client.query({ text: settings, query_timeout: CONNECT_MS } as pg.QueryConfig)
      if (options.isWriter) {
        await refuseReplica(client)
      }
      return connection
    } catch (error) {
      connection.#isOpen = false
      cut(client)
      throw error
    } finally {
      options.signal?.removeEventListener('abort', stop)
    }
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Called once when the session ends, whoever ends it. */
  onClose(listener: () => void): void {
    this.#onClose = listener
  }

  /**
   * @throws ConnectionLostError when the session ends before the answer, or there is none for
   *   `answerMs`; that of the connection when left out
   */
  async query(query: PostgresQuery | string, answerMs?: number): Promise<pg.QueryResult> {
    const own = typeof query === 'string' ? { text: query } : query
    try {
      return await this.#client.query(
        (answerMs === undefined ? own : { ...own, query_timeout: answerMs }) as pg.QueryConfig,
      )
    } catch (error) {
      if (error instanceof pg.DatabaseError) {
        if (troubleOf(error) === 'lost') {
          // The last words of a session: nothing more is to be sent over it.
          this.#close()
        }
        throw error
      }
      this.#close()
      throw new ConnectionLostError('the connection to the database has ended', { cause: error })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false
    // A server that is out of reach does not say goodbye.
    const timer = setTimeout(() => cut(this.#client), GOODBYE_MS)
    await this.#client.end().catch(() => {})
    clearTimeout(timer)
  }

  #close(): void {
    if (this.#isOpen) {
      this.#isOpen = false
      cut(this.#client)
      this.#onClose?.()
    }
  }
}

/** Ends a session without waiting for the server. */
function cut(client: pg.Client): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}

async function refuseReplica(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ readonly: boolean }>(
    "select pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as readonly",
  )
  if (rows[0]?.readonly !== false) {
    throw new Error('it is a replica, which takes no writes')
  }
}

/** A wrong user, password or database does not mend itself. */
function isMisconfigured(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^(28|3D)/.test(error.code ?? '')
}

function misconfigured(name: string, refusals: readonly string[], cause: unknown): ConfigError {
  return new ConfigError(
    refusals.map(
      (refusal) =>
        `${name}: the connection is refused by ${refusal}; ` +
        'check user, password and the name of the database, which has to exist',
    ),
    { cause },
  )
}

function describePlace(url: string): string {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}
