import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigError, describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { checkFile } from './checkFile.ts'
import type { ReadDatabase, WriteDatabase } from './database.ts'
import { codeOf, troubleOf } from './databaseErrors.ts'
import type { LockedRole } from './postgres/postgresWriter.ts'
import { openSqlite } from './sqlite/sqlite.ts'
import type { SqliteOptions } from './sqlite/sqlite.ts'

const PREFIX = 'sqlite:'

/** Loaded when they are wanted: a service on SQLite starts without them and the driver behind them. */
const postgresWriter = () => import('./postgres/postgresWriter.ts')
const postgresReader = () => import('./postgres/postgresReader.ts')

export interface WriterOptions {
  /** How long a statement waits for a lock of another process. */
  readonly lockTimeoutMs?: number
  /** A SQLite file that is not there is not made: it may have been taken away. */
  readonly mustExist?: boolean
}

/**
 * Looks at a SQLite database before anything is written to it; that of Postgres says by itself what it
 * does not allow.
 * @throws ConfigError when it cannot be opened or written, or is not for this version
 */
export async function checkDatabase(databaseUrl: string): Promise<void> {
  if (databaseUrl.startsWith(PREFIX)) {
    const path = pathOf(databaseUrl)
    await inWords(path, () => checkFile(path))
  }
}

/**
 * The one connection that writes; makes a SQLite database when there is none.
 * @throws ConfigError when there is no database at that place, and none can be made
 * @throws ConnectionLostError when no Postgres server takes writes now
 */
export async function openWriter(
  databaseUrl: string,
  { lockTimeoutMs, mustExist = false }: WriterOptions = {},
): Promise<WriteDatabase> {
  if (databaseUrl.startsWith(PREFIX)) {
    const busy = lockTimeoutMs === undefined ? {} : { busyTimeoutMs: lockTimeoutMs }
    return await openFile(databaseUrl, { readonly: false, mustExist, ...busy })
  }
  const { openPostgresWriter } = await postgresWriter()
  const timeout = lockTimeoutMs === undefined ? {} : { lockTimeoutMs }
  return await openPostgresWriter({ urls: splitUrls(databaseUrl), name: 'tagfeed', ...timeout })
}

/** A connection that can only read; the database has to be there. */
export async function openReader(
  databaseUrl: string,
  replicaUrls: readonly string[] = [],
): Promise<ReadDatabase> {
  if (databaseUrl.startsWith(PREFIX)) {
    return await openFile(databaseUrl, { readonly: true })
  }
  const { openPostgresReader } = await postgresReader()
  return await openPostgresReader(
    replicaUrls.length > 0
      ? { urls: replicaUrls, from: 'anywhere', variable: 'FEEDGEN_DATABASE_READ_URL' }
      : { urls: splitUrls(databaseUrl), from: 'writer' },
  )
}

export interface RoleOptions {
  readonly databaseUrl: string
  readonly role: LockedRole
  readonly signal: AbortSignal
  /** Told again and again. `isHeld`: another process has the role. */
  readonly onWaiting: (reason: string, isHeld: boolean) => void
  /**
   * The database has let this process in before: a password that is refused now has been changed, and
   * may be changed back. Otherwise it is a wrong setting, which is thrown.
   */
  readonly hasBeenLetIn?: true
}

const RETRY_MS = 1_000
/** A holder of a role that has said nothing for so long has lost it. */
const SILENT_MS = 5_000
/** A service that is told to stop in such a wait, and then waits once more for its last batch, still ends in time. */
const LOCK_MS = 3_000
/** The reason to wait for a role that is taken. */
export const STANDING_BY = 'another process has this role: standing by'

/**
 * The writing connection of a role that only one process has at a time, once it is free; undefined
 * when the signal aborts first. SQLite serves one machine: whoever opens it has every role; the file
 * has to be there.
 */
export async function openRole(options: RoleOptions): Promise<WriteDatabase | undefined> {
  const { databaseUrl, role, signal, onWaiting } = options
  if (databaseUrl.startsWith(PREFIX)) {
    return await openFile(databaseUrl, { readonly: false, mustExist: true, busyTimeoutMs: LOCK_MS })
  }
  const { openPostgresWriter } = await postgresWriter()
  while (!signal.aborted) {
    try {
      await using stack = new AsyncDisposableStack()
      const writer = stack.use(
        await openPostgresWriter({
          urls: splitUrls(databaseUrl),
          name: `tagfeed ${role}`,
          silentMs: SILENT_MS,
          lockTimeoutMs: LOCK_MS,
        }),
      )
      while (!signal.aborted) {
        if (await writer.tryLock(role)) {
          stack.move()
          return writer
        }
        onWaiting(STANDING_BY, true)
        await delay(RETRY_MS, undefined, { signal }).catch(() => {})
      }
    } catch (error) {
      if (!isOutOfReach(error) && !(options.hasBeenLetIn && isRefusal(error))) {
        throw error
      }
      onWaiting(describeError(error), false)
      await delay(RETRY_MS, undefined, { signal }).catch(() => {})
    }
  }
  return undefined
}

/**
 * Waits for as long as a database of another machine is out of reach, saying so now and then.
 * @throws AbortError when the signal aborts meanwhile
 */
export async function whenReachable<T>(
  databaseUrl: string,
  open: () => Promise<T>,
  { logger, signal }: { logger: Logger; signal: AbortSignal | undefined },
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    signal?.throwIfAborted()
    try {
      return await open()
    } catch (error) {
      if (databaseUrl.startsWith(PREFIX) || !isOutOfReach(error)) {
        throw error
      }
      signal?.throwIfAborted()
      if (attempt % 30 === 0) {
        const reason = describeError(error)
        logger.warn({ event: 'databaseAway', reason }, `waiting for the database: ${reason}`)
      }
      await delay(RETRY_MS, undefined, signal && { signal })
    }
  }
}

/** Whether to wait is of use: no server answers, or none takes what was to be done now. */
export function isOutOfReach(error: unknown): boolean {
  const trouble = troubleOf(error)
  return trouble === 'lost' || trouble === 'transient'
}

/** The server does not take the user, the password or the name of the database. */
function isRefusal(error: unknown): boolean {
  return error instanceof ConfigError && /^(28|3D)/u.test(codeOf(error) ?? '')
}

/** Whether to open it would make a new database. */
export function isMissing(databaseUrl: string): boolean {
  return databaseUrl.startsWith(PREFIX) && !existsSync(pathOf(databaseUrl))
}

/** Several Postgres servers, of which one takes writes at a time. */
function splitUrls(databaseUrl: string): string[] {
  return databaseUrl.split(',').map((url) => url.trim())
}

function pathOf(databaseUrl: string): string {
  return resolve(databaseUrl.slice(PREFIX.length))
}

function openFile(
  databaseUrl: string,
  options: Omit<SqliteOptions, 'path'>,
): Promise<WriteDatabase> {
  const path = pathOf(databaseUrl)
  return inWords(path, () => openSqlite({ path, ...options }))
}

async function inWords<T>(path: string, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    if (error instanceof ConfigError) {
      throw error
    }
    throw new ConfigError(
      [
        `FEEDGEN_DATABASE_URL: the database ${path} cannot be opened (${describeError(error)}): ` +
          'name a file that is a database of tagfeed, or a new one in a folder that can be written to',
      ],
      { cause: error },
    )
  }
}
