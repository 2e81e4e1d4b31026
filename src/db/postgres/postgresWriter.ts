import { Kysely } from 'kysely'
import type { WriteDatabase } from '../database.ts'
import type { Schema } from '../schema.ts'
import { postgresDialect } from '../statements/dialect.ts'
import { PostgresConnection } from './postgresConnection.ts'
import { kyselyDialect, prepareStatement } from './prepareStatement.ts'

/** Half of each advisory lock of this program: nobody else in the database uses the number. */
const LOCKS = 0x7467_6664
/** Held shared by every transaction that writes posts, and by itself alone where none may be under way. */
const STORE_LOCK = 1

/** What only one process does at a time, by the number of its lock. */
export const ROLE_LOCKS = { ingest: 2, rank: 3 } as const
export type LockedRole = keyof typeof ROLE_LOCKS

export interface PostgresWriterOptions {
  readonly urls: readonly string[]
  readonly name: string
  /** How long a statement waits for a lock. */
  readonly lockTimeoutMs?: number
  /**
   * The session is to hold a lock: the server ends it when it says nothing for so long, so that a
   * process that is frozen or cut off loses the lock with the session over which alone it can write.
   */
  readonly silentMs?: number
}

export interface PostgresWriter extends WriteDatabase {
  /** Whether this session now holds the lock of the role; it does until the session ends. */
  tryLock(role: LockedRole): Promise<boolean>
}

const ROLE_ANSWER_MS = 20_000
/** Ingest that waits for a lock says so soon, and tries again. */
const ROLE_LOCK_MS = 4_000
const COLD_ANSWER_MS = 10 * 60_000
const COLD_LOCK_MS = 30_000

/** The one session that writes; all its statements go one after the other. */
export async function openPostgresWriter(options: PostgresWriterOptions): Promise<PostgresWriter> {
  const { urls, name, silentMs = 0 } = options
  const { lockTimeoutMs = silentMs > 0 ? ROLE_LOCK_MS : COLD_LOCK_MS } = options
  const connection = await PostgresConnection.open({
    urls,
    name,
    isWriter: true,
    // A batch is milliseconds, a migration may be minutes.
    answerMs: silentMs > 0 ? ROLE_ANSWER_MS : COLD_ANSWER_MS,
    settings: {
      statement_timeout: `${silentMs > 0 ? ROLE_ANSWER_MS / 2 : COLD_ANSWER_MS}ms`,
      lock_timeout: `${lockTimeoutMs}ms`,
      idle_session_timeout: `${silentMs}ms`,
      idle_in_transaction_session_timeout: `${silentMs || 60_000}ms`,
      client_connection_check_interval: '2s',
      tcp_user_timeout: '5s',
      // Statements over rows of a batch are for indexes, however many rows the planner expects.
      plan_cache_mode: 'force_generic_plan',
      jit: 'off',
    },
  })
  const send = connection.query.bind(connection)
  const kysely = new Kysely<Schema>({ dialect: kyselyDialect(send) })
  return {
    dialect: postgresDialect,
    kysely,
    prepare: (build) => prepareStatement(send, kysely, build),
    version: () => undefined,
    transaction: (work, mode) => runTransaction(connection, work, mode),
    tryLock: async (role) => {
      const { rows } = await connection.query(
        `select pg_try_advisory_lock(${LOCKS}, ${ROLE_LOCKS[role]}) as held`,
      )
      return (rows[0] as { held: boolean } | undefined)?.held === true
    },
    [Symbol.asyncDispose]: async () => {
      await kysely.destroy()
      await connection[Symbol.asyncDispose]()
    },
  }
}

async function runTransaction<T>(
  connection: PostgresConnection,
  work: () => Promise<T>,
  mode?: 'alone',
): Promise<T> {
  const lock = mode === 'alone' ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared'
  await connection.query('begin')
  try {
    await connection.query(`select ${lock}(${LOCKS}, ${STORE_LOCK})`)
    const result = await work()
    await connection.query('commit')
    return result
  } catch (error) {
    if (connection.isOpen) {
      // It may have ended meanwhile; then the server has rolled back, and the first error says more.
      await connection.query('rollback').catch(() => {})
    }
    throw error
  }
}
