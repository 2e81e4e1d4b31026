import { closeSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { backupDatabase } from '../../src/backup/backupDatabase.ts'
import type { BackupOptions } from '../../src/backup/backupDatabase.ts'
import { openWriter } from '../../src/db/openDatabase.ts'
import { ConfigError } from '../../src/errors.ts'
import { temporaryFolder } from '../support/databases.ts'
import { STORED, makeOld, schemaOf } from '../support/migrations.ts'

const CLOCK = (): number => Date.UTC(2026, 0, 2, 3, 4, 5) * 1000
const ROWS = 4_000

/** A database of some megabytes, which is open as under a running service. */
async function openBench(stack: AsyncDisposableStack, { migrations = 2 } = {}) {
  const folder = stack.use(temporaryFolder()).path
  const file = join(folder, 'own.db')
  const writer = stack.use(await openWriter(`sqlite:${file}`))
  await makeOld(writer, migrations)
  await sql`with recursive n (i) as (select 1 union all select i + 1 from n where i < ${ROWS})
    insert into filter_post select 1, i, 'c', hex(randomblob(1000)), i from n`.execute(
    writer.kysely,
  )
  const back = async (options: Partial<BackupOptions> = {}) =>
    await backupDatabase({
      databaseUrl: `sqlite:${file}`,
      target: join(folder, 'copy.db'),
      clock: CLOCK,
      signal: new AbortController().signal,
      ...options,
    })
  const copies = (): string[] => readdirSync(folder).filter((name) => !name.startsWith('own.db'))
  return { folder, file, writer, back, copies }
}

test('a backup is whole, of one instant, and one file, while others write', async () => {
  await using stack = new AsyncDisposableStack()
  const { file, writer, back, copies } = await openBench(stack)
  let batches = 0
  const { path } = await back({
    onProgress: () => {
      // Two tables that agree at every commit.
      batches += 1
      const handle = new BetterSqlite3(file)
      handle.exec('begin immediate')
      handle
        .prepare("insert into filter_post values (2, ?, 'c', hex(randomblob(1000)), 1)")
        .run(batches)
      handle.prepare('insert into post_count values (?, 0, 0, 0, 0, 0)').run(batches)
      handle.exec('commit')
      handle.close()
    },
  })
  expect(batches).toBeGreaterThan(2)
  expect(copies()).toEqual(['copy.db'])
  const copy = new BetterSqlite3(path, { readonly: true })
  stack.defer(() => void copy.close())
  expect(copy.pragma('integrity_check', { simple: true })).toBe('ok')
  expect(copy.pragma('journal_mode', { simple: true })).toBe('delete')
  const count = (text: string): unknown => copy.prepare(text).pluck().get()
  expect(count('select count(*) from filter_post where filter_id = 1')).toBe(ROWS)
  // All that came after it began is left out, and it is not begun anew for it.
  expect(count('select count(*) from filter_post where filter_id = 2')).toBe(0)
  expect(count('select count(*) from post_count')).toBe(0)
  expect(copy.prepare('select uri from post_tag order by uri').pluck().all()).toEqual(STORED)
  expect(schemaOf(path)).toEqual(schemaOf(file))
  const { rows } = await sql`select 1 from post_count`.execute(writer.kysely)
  expect(rows).toHaveLength(batches)
})

test('a folder gets a copy that is called by its time; a database of an older version is copied', async () => {
  await using stack = new AsyncDisposableStack()
  const { folder, back } = await openBench(stack, { migrations: 1 })
  const { path } = await back({ target: folder })
  expect(path).toBe(join(folder, 'tagfeed-2026-01-02T03-04-05Z.db'))
})

test('a backup that is stopped leaves nothing', async () => {
  await using stack = new AsyncDisposableStack()
  const { back, copies } = await openBench(stack)
  const stop = new AbortController()
  await expect(back({ signal: stop.signal, onProgress: () => stop.abort() })).rejects.toThrow(
    /stopped: .*copy.db has not been made/,
  )
  expect(copies()).toEqual([])
})

test('a copy of a damaged database is no backup', async () => {
  await using stack = new AsyncDisposableStack()
  const { file, writer, back, copies } = await openBench(stack)
  await sql`pragma wal_checkpoint(truncate)`.execute(writer.kysely)
  const handle = openSync(file, 'r+')
  writeSync(handle, Buffer.alloc(4_096 * 50, 0xa5), 0, 4_096 * 50, 4_096 * 200)
  closeSync(handle)
  await expect(back()).rejects.toThrow(/has not been made/)
  expect(copies()).toEqual([])
})

test('what cannot be copied, or not to there, is refused with what to do', async () => {
  await using stack = new AsyncDisposableStack()
  const { folder, file, back, copies } = await openBench(stack)
  writeFileSync(join(folder, 'mine'), 'mine')
  const stranger = new BetterSqlite3(join(folder, 'stranger.db'))
  stranger.exec('create table notes (text)')
  stranger.close()
  const before = copies()
  const refusals: [words: RegExp, options: Partial<BackupOptions>][] = [
    [/exists already/, { target: join(folder, 'mine') }],
    [/no folder/, { target: join(folder, 'nowhere', 'a.db') }],
    [/SQLite uses/, { target: `${file}-journal` }],
    [/no database at/, { databaseUrl: `sqlite:${join(folder, 'nothing.db')}` }],
    [/another program/, { databaseUrl: `sqlite:${join(folder, 'stranger.db')}` }],
    [/pg_dump/, { databaseUrl: 'postgres://me:secret@127.0.0.1/x' }],
  ]
  for (const [words, options] of refusals) {
    const error: unknown = await back(options).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as Error).message).toMatch(words)
    expect((error as Error).message).not.toContain('secret')
  }
  expect(copies()).toEqual(before)
})
