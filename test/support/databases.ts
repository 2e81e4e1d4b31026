import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { sql } from 'kysely'
import { inject } from 'vitest'
import type { ReadDatabase, WriteDatabase } from '../../src/db/database.ts'
import { openReader, openWriter } from '../../src/db/openDatabase.ts'
import { migrate } from '../../src/db/upgrade/migrate.ts'
import { TEMPLATE } from './postgresSetup.ts'

/** A database of a test's own: migrated, and gone when the test ends. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  readonly writer: WriteDatabase
  readonly reader: ReadDatabase
  /** What in the engine's plan of a statement is no seek on an index; empty for a good plan. */
  planFaults(sql: string): Promise<string>
}

export interface Engine {
  readonly name: string
  open(): Promise<TestDatabase>
}

/** Every file of `test/contract` runs once for each of these. */
export const engines: readonly Engine[] = [
  { name: 'sqlite', open: openSqliteDatabase },
  { name: 'postgres', open: openPostgresDatabase },
]

async function openSqliteDatabase(): Promise<TestDatabase> {
  const folder = temporaryFolder()
  const url = `sqlite:${join(folder.path, 'test.db')}`
  const writer = await openWriter(url)
  await migrate(writer)
  const reader = await openReader(url)
  return {
    url,
    writer,
    reader,
    planFaults: async (text) => {
      const plan = (await explainSqlite(folder.path, text)).join('\n')
      return /SEARCH/.test(plan) && !/SCAN (?!CONSTANT|\(subquery)|TEMP B-TREE/.test(plan)
        ? ''
        : plan
    },
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

let databases = 0

/** A database of the Postgres of this run, or of another one; empty, or migrated as most tests want it. */
export async function createPostgresDatabase(
  isMigrated = true,
  url = inject('postgresUrl'),
): Promise<{ url: string } & AsyncDisposable> {
  databases += 1
  const name = `test_${process.pid}_${databases}`
  const template = isMigrated ? sql` template ${sql.id(TEMPLATE)}` : sql``
  {
    await using admin = await openWriter(url)
    await sql`create database ${sql.id(name)}${template}`.execute(admin.kysely)
  }
  const own = new URL(url)
  own.pathname = `/${name}`
  return {
    url: own.href,
    [Symbol.asyncDispose]: async () => {
      await using admin = await openWriter(url)
      await sql`drop database if exists ${sql.id(name)} with (force)`.execute(admin.kysely)
    },
  }
}

/** Databases whose tests have ended: to make one takes half a second, to empty it a few milliseconds. */
const spare: TestDatabase[] = []

async function openPostgresDatabase(): Promise<TestDatabase> {
  const database = spare.pop() ?? (await makePostgresDatabase())
  return {
    ...database,
    [Symbol.asyncDispose]: async () => {
      await emptyTables(database.writer)
      spare.push(database)
    },
  }
}

/** The databases of this file go with its Postgres, their connections with the process. */
async function makePostgresDatabase(): Promise<TestDatabase> {
  await using stack = new AsyncDisposableStack()
  const { url } = stack.use(await createPostgresDatabase())
  const writer = stack.use(await openWriter(url))
  const reader = stack.use(await openReader(url))
  const resources = stack.move()
  return {
    url,
    writer,
    reader,
    planFaults: async (text) => {
      const plan = await explainPostgres(reader, text)
      return /Index (Only )?Scan/.test(plan) && !/Seq Scan|Sort|Bitmap/.test(plan) ? '' : plan
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

async function emptyTables({ kysely }: WriteDatabase): Promise<void> {
  const tables = (await kysely.introspection.getTables()).map(({ name }) => sql.table(name))
  await sql`truncate ${sql.join(tables)} restart identity`.execute(kysely)
}

async function explainPostgres(reader: ReadDatabase, text: string): Promise<string> {
  const { rows } = await sql<
    Record<string, string>
  >`explain (generic_plan) ${sql.raw(text)}`.execute(reader.kysely)
  return rows.map((row) => Object.values(row).join('')).join('\n')
}

/** A folder that is gone at the end of the block. */
export function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'tagfeed-'))
  return {
    path,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
