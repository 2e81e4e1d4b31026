import { setTimeout as delay } from 'node:timers/promises'
import { describeDatabaseUrl } from '../config/configParsers.ts'
import type { WriteDatabase } from '../db/database.ts'
import { STANDING_BY, checkDatabase, isMissing, openRole, openWriter } from '../db/openDatabase.ts'
import { refuseUnfinishedCopy } from '../db/unfinishedCopy.ts'
import { isMigrated } from '../db/upgrade/migrate.ts'
import { allowSilence, hasTable } from '../db/upgrade/tables.ts'
import { ConfigError } from '../errors.ts'
import { FRESHNESS_US } from '../status/freshness.ts'
import { systemClock } from '../time.ts'

export type Side = 'FROM' | 'TO'

export interface OpenOptions {
  readonly signal: AbortSignal
  /** How long to wait for a role that another process has, or for a server that does not answer. */
  readonly patienceMs: number
}

/** Longer than it takes until a process that has died loses its role. */
export const PATIENCE_MS = 8_000

/** What tells an operator to stop whoever writes. */
export function busyError(side: Side, cause?: unknown): Error {
  return new Error(
    `${side} is in use: a service ingests into it, or another copy is under way. Stop that first`,
    { cause },
  )
}

/**
 * The database to copy, with the role of ingest.
 * @throws ConfigError when it is no database of this version
 */
export async function openSource(url: string, options: OpenOptions): Promise<WriteDatabase> {
  if (isMissing(url)) {
    throw new ConfigError([`FROM: there is no database at ${describeDatabaseUrl(url)}`])
  }
  return await inWordsOf('FROM', async () => {
    await checkDatabase(url)
    await using stack = new AsyncDisposableStack()
    const source = stack.use(await openSide('FROM', url, options))
    if (!(await isMigrated(source))) {
      throw new ConfigError([
        `FROM: ${describeDatabaseUrl(url)} is no database of this version of tagfeed: ` +
          'start this version on it once, which migrates it',
      ])
    }
    await refuseUnfinishedCopy(source)
    stack.move()
    return source
  })
}

/** The database to copy to, with the role of ingest; it may be empty. */
export async function openTarget(url: string, options: OpenOptions): Promise<WriteDatabase> {
  return await inWordsOf('TO', async () => {
    await checkDatabase(url)
    if (isMissing(url)) {
      await using _ = await openWriter(url)
    }
    return await openSide('TO', url, options)
  })
}

async function openSide(
  side: Side,
  databaseUrl: string,
  { signal, patienceMs }: OpenOptions,
): Promise<WriteDatabase> {
  const patience = AbortSignal.timeout(patienceMs)
  let reason = 'the database does not answer'
  const database = await openRole({
    databaseUrl,
    role: 'ingest',
    signal: AbortSignal.any([signal, patience]),
    onWaiting: (why) => {
      reason = why
    },
  })
  if (database === undefined) {
    signal.throwIfAborted()
    throw reason === STANDING_BY ? busyError(side) : new Error(`${side}: ${reason}`)
  }
  await using stack = new AsyncDisposableStack()
  stack.use(database)
  await allowSilence(database)
  stack.move()
  return database
}

/** Problems of the database are problems of an argument here. */
async function inWordsOf<T>(side: Side, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    if (error instanceof ConfigError) {
      const problems = error.problems.map((text) =>
        text.replace(/^FEEDGEN_DATABASE_URL:/u, `${side}:`),
      )
      throw new ConfigError(problems, { cause: error })
    }
    throw error
  }
}

const LOOK_EVERY_MS = 50
/** How long to watch for a command that stores batches without telling a status. */
export const GLANCE_MS = 300
/** A service tells its status every two seconds, however little happens. */
const WATCH_MS = 5_000

/**
 * Watches for another process that writes. Postgres has told by the lock of the role; with SQLite
 * every process that opens the file has the role.
 * @throws when there is one
 */
export async function refuseWriter(
  side: Side,
  database: WriteDatabase,
  glanceMs: number,
): Promise<void> {
  const version = database.version()
  if (version === undefined) {
    return
  }
  const untilMs = performance.now() + ((await hasToldLately(database)) ? WATCH_MS : glanceMs)
  while (performance.now() < untilMs) {
    await delay(LOOK_EVERY_MS)
    if (database.version() !== version) {
      throw busyError(side)
    }
  }
}

async function hasToldLately(database: WriteDatabase): Promise<boolean> {
  if (!(await hasTable(database, 'ingest_status'))) {
    return false
  }
  const row = await database.kysely.selectFrom('ingest_status').select('told_us').executeTakeFirst()
  return row !== undefined && Math.abs(systemClock() - row.told_us) < FRESHNESS_US
}
