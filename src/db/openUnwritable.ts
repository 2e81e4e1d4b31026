import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { sql } from 'kysely'
import type { ReadDatabase } from './database.ts'
import { codeOf } from './databaseErrors.ts'
import { openReader } from './openDatabase.ts'

const PREFIX = 'sqlite:'

/**
 * Opens a SQLite file that cannot be written, for reading. SQLite itself needs to write beside a file
 * that it reads, unless a service has it open: then a copy is read, which goes with the connection.
 */
export async function openUnwritable(databaseUrl: string): Promise<ReadDatabase> {
  const path = resolve(databaseUrl.slice(PREFIX.length))
  try {
    await using stack = new AsyncDisposableStack()
    const reader = stack.use(await openReader(databaseUrl))
    await sql`select count(*) from sqlite_master`.execute(reader.kysely)
    stack.move()
    return reader
  } catch (error) {
    if (!/^SQLITE_(CANTOPEN|READONLY)/u.test(codeOf(error) ?? '')) {
      throw error
    }
  }
  return await openCopy(path)
}

async function openCopy(path: string): Promise<ReadDatabase> {
  const { bavail, bsize } = statfsSync(tmpdir())
  if (statSync(path).size > bavail * bsize) {
    throw new Error(
      `${path} can only be read from a copy, and ${tmpdir()} has no room for one: ` +
        'name a folder with more room in TMPDIR',
    )
  }
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    const copy = join(folder, 'copy.db')
    for (const end of ['', '-wal']) {
      if (existsSync(path + end)) {
        copyFileSync(path + end, copy + end)
      }
    }
    const reader = await openReader(`${PREFIX}${copy}`)
    return {
      ...reader,
      [Symbol.asyncDispose]: async () => {
        await reader[Symbol.asyncDispose]()
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}
