/** Looks at a SQLite file before anything is written to it. */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { ConfigError } from '../errors.ts'
import { codeOf } from './databaseErrors.ts'
import { openSqlite } from './sqlite/sqlite.ts'
import { findDue } from './upgrade/migrate.ts'

/** The database is there, and this process may not write to it. */
export class UnwritableError extends ConfigError {
  override name = 'UnwritableError'
}

/** What SQLite keeps beside a database while it is open. */
const COMPANIONS = ['-wal', '-shm', '-journal']

/**
 * @throws ConfigError when the file or its folder cannot be written, or the database is not for this
 *   version
 */
export async function checkFile(path: string): Promise<void> {
  if (!existsSync(path)) {
    let folder = dirname(path)
    while (!existsSync(folder) && folder !== dirname(folder)) {
      folder = dirname(folder)
    }
    refuseUnwritable(folder, path)
    return
  }
  for (const part of [path, dirname(path), ...COMPANIONS.map((end) => path + end)]) {
    refuseUnwritable(part, path)
  }
  // With changes in its log a file is only read, as whoever closes it last would put them into it. One
  // without is opened like any other, so that nothing remains beside it.
  const hasLog = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
  await using database = openSqlite({ path, readonly: hasLog, isAsItIs: true })
  await findDue(database)
}

function refuseUnwritable(part: string, path: string): void {
  try {
    if (existsSync(part)) {
      accessSync(part, constants.W_OK)
    }
  } catch (error) {
    throw unwritable(path, part, (error as NodeJS.ErrnoException).code ?? 'unknown reason')
  }
}

/**
 * Whether the engine can write the file, which permissions alone do not tell: begins to, and takes it
 * back. One that another process has locked is written to by somebody.
 * @throws ConfigError when it cannot
 */
export function tryToWrite(path: string): void {
  const handle = new BetterSqlite3(path, { fileMustExist: true, timeout: 0 })
  try {
    handle.exec('begin immediate')
    handle.pragma(`user_version = ${Number(handle.pragma('user_version', { simple: true }))}`)
    handle.exec('rollback')
  } catch (error) {
    if (isUnwritable(error)) {
      throw unwritable(path, path, `${codeOf(error)}: ${(error as Error).message}`, error)
    }
  } finally {
    handle.close()
  }
}

/** Whether SQLite has found out that it may not write. */
function isUnwritable(error: unknown): boolean {
  return /^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)/u.test(codeOf(error) ?? '')
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write to it',
  EPERM: 'it is marked as unchangeable',
  EROFS: 'its file system is mounted read-only',
}

function unwritable(path: string, part: string, code: string, cause?: unknown): UnwritableError {
  const which = part === path ? '' : `${part}: `
  return new UnwritableError(
    [
      `FEEDGEN_DATABASE_URL: the database ${path} cannot be written (${which}${REASONS[code] ?? code}): ` +
        'give the user that runs tagfeed the right to write the file, what lies beside it (-wal, -shm) ' +
        'and its folder, or name another place',
    ],
    { cause },
  )
}
