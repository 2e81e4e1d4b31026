import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import type { Database } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openReader, openWriter } from '../../src/db/openDatabase.ts'

/** A database of a test's own: migrated, and gone when the test ends. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  readonly writer: Database
  readonly reader: Database
  /** How the engine would run a statement, a line each. */
  plan(sql: string): Promise<string[]>
}

export interface Engine {
  readonly name: string
  open(): Promise<TestDatabase>
}

/** Every file of `test/contract` runs once for each of these. */
export const engines: readonly Engine[] = [{ name: 'sqlite', open: openSqliteDatabase }]

async function openSqliteDatabase(): Promise<TestDatabase> {
  const folder = temporaryFolder()
  const url = `sqlite:${join(folder.path, 'test.db')}`
  const writer = openWriter(url)
  await migrate(writer)
  const reader = openReader(url)
  return {
    url,
    writer,
    reader,
    plan: (sql) => explainSqlite(folder.path, sql),
    [Symbol.asyncDispose]: async () => {
      await reader[Symbol.asyncDispose]()
      await writer[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

async function explainSqlite(folder: string, sql: string): Promise<string[]> {
  const handle = new BetterSqlite3(join(folder, 'test.db'), { readonly: true })
  const count = sql.split('?').length - 1
  const rows = handle
    .prepare<unknown[], { detail: string }>(`explain query plan ${sql}`)
    .all(...Array.from({ length: count }, () => null))
  handle.close()
  return await Promise.resolve(rows.map(({ detail }) => detail))
}

/** A folder that is gone at the end of the block. */
export function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'tagfeed-'))
  return {
    path,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
