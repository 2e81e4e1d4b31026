/** Postgres beside SQLite, in one run: how fast posts go in, how fast pages come out. */
import { mkdtempSync, rmSync } from 'node:fs'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { openReader, openWriter } from '../../src/db/openDatabase.ts'
import { preparePageStatements } from '../../src/feeds/pageStatements.ts'
import { systemClock } from '../../src/time.ts'
import { startPostgres } from '../support/postgresServer.ts'
import { benchDatabase, benchFeeds, fillDatabase, insertPosts } from './database.ts'
import { median } from './measure.ts'
import { FEEDS, measureCase, medians, writePaths } from './pages.ts'
import type { Case, MeasuredLoad, PageResults } from './pages.ts'

export interface PostgresOptions {
  readonly posts: number
  readonly rounds: number
  readonly seconds: number
}

export interface PostgresResults {
  readonly pages: PageResults
  /** Posts a second into a database that holds `posts` of them. */
  readonly inserts: Readonly<Record<'sqlite' | 'postgres', number>>
  /** Plans of a page, before and after ANALYZE. */
  readonly plans: readonly string[]
}

/** As a small server would be set; the rest is as Postgres comes, fsync too. */
const SETTINGS = ['shared_buffers=1GB', 'max_wal_size=8GB', 'fsync=on']
const INSERTED = 50_000

export async function measurePostgres(options: PostgresOptions): Promise<PostgresResults> {
  const { posts, rounds, seconds } = options
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-bench-'))
  const path = await benchDatabase(posts, benchFeeds(FEEDS))
  const kept = join(tmpdir(), 'tagfeed-bench', `postgres-${posts}-6`)
  await using server = await startPostgres({ settings: SETTINGS, folder: kept })
  const url = server.url('bench')
  const mark = join(kept, 'filled')
  await using admin = await openWriter(server.url())
  if (!existsSync(mark)) {
    mkdirSync(kept, { recursive: true })
    await sql`drop database if exists bench`.execute(admin.kysely)
    await sql`create database bench`.execute(admin.kysely)
    await fillDatabase(url, { posts, feeds: benchFeeds(FEEDS) })
    writeFileSync(mark, '')
  }
  const before = await explainPages(url)
  {
    await using writer = await openWriter(url)
    await sql`vacuum analyze`.execute(writer.kysely)
  }
  const plans = [...before, ...(await explainPages(url))]
  const paths = writePaths(folder, path)
  const cases: (Case & { url: string })[] = [
    { name: 'sqlite, mixed', mode: 'uncached', paths: paths.mixed, url: `sqlite:${path}` },
    { name: 'postgres, mixed', mode: 'uncached', paths: paths.mixed, url },
    { name: 'postgres, page 1', mode: 'uncached', paths: paths.one, url },
    { name: 'postgres, page 1000', mode: 'uncached', paths: paths.thousand, url },
    { name: 'postgres, 20 tags', mode: 'uncached', paths: paths.tags20, url },
    { name: 'postgres, two', mode: 'uncached', paths: paths.mixed, url, processes: 2 },
  ]
  const loads = new Map<string, MeasuredLoad[]>(cases.map(({ name }) => [name, []]))
  const inserts = { sqlite: [] as number[], postgres: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    for (const each of cases) {
      loads.get(each.name)?.push(await measureCase(each, each.url, seconds))
    }
    const file = join(folder, 'insert.db')
    copyFileSync(path, file)
    inserts.sqlite.push(await insertRate(`sqlite:${file}`, posts))
    rmSync(file, { force: true })
    await sql`drop database if exists inserts`.execute(admin.kysely)
    // Servers that were killed leave their sessions behind for a moment.
    await sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity
      where datname = 'bench'`.execute(admin.kysely)
    await sql`create database inserts template bench`.execute(admin.kysely)
    inserts.postgres.push(await insertRate(server.url('inserts'), posts))
  }
  rmSync(folder, { recursive: true, force: true })
  return {
    pages: Object.fromEntries([...loads].map(([name, some]) => [name, medians(some)])),
    inserts: { sqlite: median(inserts.sqlite), postgres: median(inserts.postgres) },
    plans,
  }
}

async function insertRate(url: string, first: number): Promise<number> {
  await using writer = await openWriter(url)
  const spanUs = 3_600_000_000
  const startedAt = performance.now()
  await insertPosts(writer, { posts: INSERTED, first, startUs: systemClock() - spanUs, spanUs })
  return INSERTED / ((performance.now() - startedAt) / 1000)
}

/** How Postgres reads a page, in the session of a reader. */
async function explainPages(url: string): Promise<string[]> {
  await using reader = await openReader(url)
  const text = preparePageStatements(reader).recent.sql
  const { rows } = await sql<
    Record<string, string>
  >`explain (generic_plan) ${sql.raw(text)}`.execute(reader.kysely)
  return rows.map((row) => Object.values(row).join(''))
}
