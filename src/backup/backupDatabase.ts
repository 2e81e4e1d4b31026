/**
 * Copies a SQLite database while the service writes to it. The copy is that of one instant: pages are
 * read inside one transaction, which holds up nobody. It is written beside its place under another name,
 * checked from end to end, and only then given its own name: whatever ends the command, a file that is
 * called as a backup is a whole one.
 */
import { accessSync, constants, existsSync, linkSync, renameSync } from 'node:fs'
import { rmSync, statSync, statfsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { codeOf } from '../db/databaseErrors.ts'
import { isMissing, openReader } from '../db/openDatabase.ts'
import { refuseUnfinishedCopy } from '../db/unfinishedCopy.ts'
import { findDue } from '../db/upgrade/migrate.ts'
import { runApart } from '../db/upgrade/runApart.ts'
import { ConfigError, describeError } from '../errors.ts'
import { formatUs } from '../time.ts'
import type { Clock } from '../time.ts'

export interface BackupOptions {
  readonly databaseUrl: string
  /** The file to make, or a folder in which it gets a name of its time. */
  readonly target: string
  readonly clock: Clock
  /** Ends the copy: nothing of it remains. */
  readonly signal: AbortSignal
  /** Told of a part of all pages that is copied, from 0 to 1. */
  readonly onProgress?: (part: number) => void
}

export interface Backup {
  readonly path: string
  readonly bytes: number
}

const PREFIX = 'sqlite:'
/** Four megabytes: a step that another program hardly notices. */
const STEP_PAGES = 1_024
/** After each step the copy rests as long as the step took: half of the disk is left for the service. */
const MAX_REST_MS = 500
const PAUSE = new Int32Array(new SharedArrayBuffer(4))
const BUSY_MS = 5_000

/**
 * @throws ConfigError when there is nothing that can be copied, or the target cannot be made
 * @throws Error when the copy fails or is not whole; nothing of it remains
 */
export async function backupDatabase(options: BackupOptions): Promise<Backup> {
  const { databaseUrl, signal } = options
  if (!databaseUrl.startsWith(PREFIX)) {
    throw new ConfigError([
      'backup copies SQLite databases, and FEEDGEN_DATABASE_URL names Postgres, which has its own: ' +
        `pg_dump --format=custom --file=${options.target} postgres://USER@HOST/NAME, with the password ` +
        'in ~/.pgpass; pg_restore reads it back',
    ])
  }
  const source = resolve(databaseUrl.slice(PREFIX.length))
  const target = placeOf(options, source)
  await refuseUnfit(databaseUrl, source)
  const partial = join(dirname(target), `.${basename(target)}.partial-${process.pid}`)
  try {
    await copyPages(source, partial, options)
    await runApart(new URL('./checkProcess.ts', import.meta.url), { args: [partial], signal })
    await publish(partial, target)
  } catch (error) {
    throw inWords(error, target, signal)
  } finally {
    for (const end of ['', '-wal', '-shm', '-journal']) {
      rmSync(partial + end, { force: true })
    }
  }
  return { path: target, bytes: statSync(target).size }
}

function placeOf({ target, clock }: BackupOptions, source: string): string {
  const path = resolve(target)
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  const name = `tagfeed-${formatUs(clock()).replace(/\.\d+/u, '').replaceAll(':', '-')}.db`
  const file = isFolder ? join(path, name) : path
  if (!existsSync(dirname(file))) {
    throw new ConfigError([`PATH: there is no folder ${dirname(file)}: make it first`])
  }
  if (existsSync(file)) {
    throw new ConfigError([
      `PATH: ${file} exists already, and a backup overwrites nothing: name a new file, or a folder`,
    ])
  }
  try {
    accessSync(dirname(file), constants.W_OK)
  } catch (error) {
    throw new ConfigError(
      [
        `PATH: nothing can be written to ${dirname(file)} (${describeError(error)}): ` +
          'name a folder that this user can write to',
      ],
      { cause: error },
    )
  }
  if (file.startsWith(`${source}-`)) {
    throw new ConfigError([`PATH: ${file} is a name that SQLite uses for ${source}: name another`])
  }
  return file
}

async function refuseUnfit(databaseUrl: string, source: string): Promise<void> {
  if (isMissing(databaseUrl)) {
    throw new ConfigError([`FEEDGEN_DATABASE_URL: there is no database at ${source} to copy`])
  }
  await using reader = await openReader(databaseUrl)
  // One that an older version has made is copied too: before an upgrade is the time for a backup.
  await findDue(reader)
  await refuseUnfinishedCopy(reader)
}

/** A copy of one instant, with rests in between. */
async function copyPages(source: string, partial: string, options: BackupOptions): Promise<void> {
  const { signal, onProgress = () => {} } = options
  const handle = new BetterSqlite3(source, { readonly: true, timeout: BUSY_MS })
  try {
    // Without a transaction of its own each batch of the service would start the copy anew.
    handle.exec('begin')
    const pages = Number(handle.pragma('page_count', { simple: true }))
    refuseFullDisk(dirname(partial), pages * Number(handle.pragma('page_size', { simple: true })))
    let startedAt = performance.now()
    await handle.backup(partial, {
      progress: ({ totalPages, remainingPages }) => {
        signal.throwIfAborted()
        onProgress(1 - remainingPages / totalPages)
        Atomics.wait(PAUSE, 0, 0, Math.min(performance.now() - startedAt, MAX_REST_MS))
        startedAt = performance.now()
        return STEP_PAGES
      },
    })
  } finally {
    handle.close()
  }
  signal.throwIfAborted()
  // One file that needs nothing beside it, and can be read from a medium that cannot be written.
  const copy = new BetterSqlite3(partial)
  copy.pragma('journal_mode = DELETE')
  copy.close()
}

function refuseFullDisk(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < bytes) {
    throw new Error(
      `${folder} has ${megabytes(bavail * bsize)} free, and the copy takes ${megabytes(bytes)}: ` +
        'free some space, or name another place',
    )
  }
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_000_000)} MB`
}

/** Gives the copy its name, once it is on the disk for good; never in place of another file. */
async function publish(partial: string, target: string): Promise<void> {
  await sync(partial)
  try {
    linkSync(partial, target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw error
    }
    // A file system without links; somebody who makes the file in this instant loses it.
    renameSync(partial, target)
  }
  rmSync(partial, { force: true })
  await sync(dirname(target))
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, 'r')
  await file.sync()
}

function inWords(error: unknown, target: string, signal: AbortSignal): unknown {
  const code = codeOf(error) ?? (error as NodeJS.ErrnoException).code
  if (signal.aborted) {
    return new Error(`stopped: ${target} has not been made`)
  }
  if (code === 'SQLITE_FULL' || code === 'ENOSPC') {
    const words = `the disk of ${target} is full: nothing of the copy remains; free some space`
    return new Error(words, { cause: error })
  }
  return new Error(`${target} has not been made`, { cause: error })
}
