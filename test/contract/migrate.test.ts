import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { WriteDatabase } from '../../src/db/database.ts'
import { migrationsFor } from '../../src/db/migrations/index.ts'
import { checkDatabase, openWriter } from '../../src/db/openDatabase.ts'
import { bringUpToDate } from '../../src/db/upgrade/bringUpToDate.ts'
import { isMigrated, migrate } from '../../src/db/upgrade/migrate.ts'
import { readShapes } from '../../src/db/upgrade/tables.ts'
import { ConfigError } from '../../src/errors.ts'
import { createLogger, silentLogger } from '../../src/logger.ts'
import { createPostgresDatabase, temporaryFolder } from '../support/databases.ts'
import {
  STORED,
  copyAsKilled,
  makeOld,
  migrateAsBefore,
  migrationsUpTo,
  schemaOf,
  storedPosts,
  watched,
} from '../support/migrations.ts'
import { until } from '../support/until.ts'

/** Versions of which databases are upgraded, by the number of their migrations; 0: a first start. */
const STARTS = [0, 1, 2]

describe('on SQLite', () => {
  /** The catalog of a database that nothing has disturbed. */
  async function wholeSchema(folder: string): Promise<unknown[]> {
    const path = join(folder, 'whole.db')
    await using writer = await openWriter(`sqlite:${path}`)
    await migrate(writer)
    return schemaOf(path)
  }

  /** Files as a kill before each statement of a migration leaves them. */
  async function killEverywhere(
    folder: string,
    number: number,
    migrateIt: (database: WriteDatabase) => Promise<void>,
  ): Promise<string[]> {
    const path = join(folder, 'killed.db')
    const copies: string[] = []
    await using writer = await openWriter(`sqlite:${path}`)
    if (number > 0) {
      await makeOld(writer, number)
    }
    const kill = (): void => {
      const copy = join(folder, `${copies.length}.db`)
      copyAsKilled(path, copy)
      copies.push(copy)
    }
    await migrateIt(watched(writer, kill))
    kill()
    return copies
  }

  async function faultsOf(path: string, number: number, whole: unknown[]): Promise<string[]> {
    try {
      await checkDatabase(`sqlite:${path}`)
      await using writer = await openWriter(`sqlite:${path}`)
      await migrate(writer)
      const posts = number > 0 ? await storedPosts(writer) : []
      return [
        ...(JSON.stringify(schemaOf(path)) === JSON.stringify(whole) ? [] : ['another schema']),
        ...(posts.join() === (number > 0 ? STORED.join() : '') ? [] : ['posts are lost']),
      ]
    } catch (error) {
      return [String(error)]
    }
  }

  const ways: [
    how: string,
    starts: readonly number[],
    migrateIt: (database: WriteDatabase) => Promise<void>,
  ][] = [
    ['of this version', STARTS, (database) => migrate(database)],
    [
      'of 0.1.0, which commits statement by statement,',
      STARTS.filter((number) => number < 2),
      (database) => migrateAsBefore(database, migrationsUpTo(database, 2)),
    ],
  ]
  for (const [how, starts, migrateIt] of ways) {
    test.each(starts)(
      `a start ${how} that is killed before any statement is finished by the next: from %i`,
      async (number) => {
        using folder = temporaryFolder()
        const whole = await wholeSchema(folder.path)
        const copies = await killEverywhere(folder.path, number, migrateIt)
        expect(copies.length).toBeGreaterThan(number === 0 ? 25 : 4)
        const faults = []
        for (const copy of copies) {
          faults.push(...(await faultsOf(copy, number, whole)))
        }
        expect(faults).toEqual([])
      },
    )
  }

  test.each(STARTS)('a disk that is full leaves it as it was: from %i', async (number) => {
    using folder = temporaryFolder()
    const whole = await wholeSchema(folder.path)
    const path = join(folder.path, 'full.db')
    if (number > 0) {
      await using writer = await openWriter(`sqlite:${path}`)
      await makeOld(writer, number)
    }
    let failures = 0
    const faults: string[] = []
    for (let pages = 1; ; pages += 1) {
      await using writer = await openWriter(`sqlite:${path}`)
      await sql`pragma max_page_count = ${sql.lit(pages)}`.execute(writer.kysely)
      try {
        await migrate(writer)
        break
      } catch (error) {
        // What one migration has done stays; none is half done.
        faults.push(...(await faultsAfterFull(path)))
        faults.push(...(/full/.test(String((error as Error).cause)) ? [] : [String(error)]))
        failures += 1
      }
    }
    expect(faults).toEqual([])
    expect(failures).toBeGreaterThan(1)
    expect(await faultsOf(path, number, whole)).toEqual([])
  })

  /** A database is that of a version: what its list names is there, and nothing more. */
  async function faultsAfterFull(path: string): Promise<string[]> {
    const handle = new BetterSqlite3(path, { readonly: true })
    const tables = handle.prepare<[], string>('select name from sqlite_master').pluck().all()
    const done = tables.includes('kysely_migration')
      ? handle.prepare<[], string>('select name from kysely_migration').pluck().all()
      : []
    handle.close()
    const expected = [
      ...(done.length > 0 ? ['post'] : []),
      ...(done.length > 1 ? ['ingest_writer'] : []),
    ]
    const found = ['post', 'ingest_writer'].filter((name) => tables.includes(name))
    return await Promise.resolve(found.join() === expected.join() ? [] : [found.join()])
  }

  test('a database of the starter kit, of another program or of a newer version is refused untouched', async () => {
    using folder = temporaryFolder()
    const strangers: [
      name: string,
      words: RegExp,
      make: (handle: BetterSqlite3.Database) => void,
    ][] = [
      [
        'other.db',
        /another program.*notes/,
        (h) => h.exec('create table notes (text); insert into notes values (1)'),
      ],
      [
        'other-wal.db',
        /another program/,
        (h) => h.exec('pragma journal_mode = wal; create table notes (text)'),
      ],
      ['view.db', /another program/, (h) => h.exec('create view v as select 1')],
      [
        'kit.db',
        /official feed generator kit/,
        (h) =>
          h.exec(`create table kysely_migration (name varchar(255) primary key, timestamp varchar(255));
            insert into kysely_migration values ('001', ''); create table post (uri, cid, indexedAt);
            create table sub_state (service, cursor)`),
      ],
      [
        'kysely.db',
        /another program/,
        (h) =>
          h.exec(`create table kysely_migration (name varchar(255) primary key, timestamp varchar(255));
            insert into kysely_migration values ('001-init', ''); create table customer (name)`),
      ],
      [
        'just-begun.db',
        /another program/,
        (h) =>
          h.exec('create table kysely_migration (name, timestamp); create table customer (name)'),
      ],
      [
        'same-names.db',
        /account.*is not as this version makes it|another program/,
        (h) =>
          h.exec('create table kysely_migration (name, timestamp); create table account (name)'),
      ],
      [
        'list.db',
        /another program/,
        (h) =>
          h.exec(
            'create table kysely_migration (version); insert into kysely_migration values (3)',
          ),
      ],
    ]
    for (const [name, words, make] of strangers) {
      const path = join(folder.path, name)
      const handle = new BetterSqlite3(path)
      make(handle)
      handle.close()
      expect(await refusal(folder.path, path)).toMatch(words)
    }
    const newer = join(folder.path, 'newer.db')
    {
      await using writer = await openWriter(`sqlite:${newer}`)
      await migrate(writer)
      await sql`insert into kysely_migration values ('900-later', '')`.execute(writer.kysely)
    }
    expect(await refusal(folder.path, newer)).toMatch(/newer version of tagfeed.*900-later/)
  })

  /** What is said of a file; fails when anything in its folder is another after it. */
  async function refusal(folder: string, path: string): Promise<string> {
    const state = (): string[] =>
      readdirSync(folder).map((name) => {
        const data = readFileSync(join(folder, name))
        return `${name} ${createHash('sha256').update(data).digest('hex')}`
      })
    const before = state()
    let said = ''
    try {
      await checkDatabase(`sqlite:${path}`)
      await using writer = await openWriter(`sqlite:${path}`)
      await migrate(writer)
    } catch (error) {
      said = error instanceof ConfigError ? error.message : `no ConfigError: ${String(error)}`
    }
    expect(state()).toEqual(before)
    return said
  }

  test('what is in the way of a migration and is not its own is not dropped', async () => {
    using folder = temporaryFolder()
    const url = `sqlite:${join(folder.path, 'own.db')}`
    await using writer = await openWriter(url)
    await makeOld(writer, 1)
    await sql`create table ingest_writer (note text)`.execute(writer.kysely)
    await expect(migrate(writer)).rejects.toThrow(/to make the table ingest_writer/)
    await sql`insert into ingest_writer values ('mine')`.execute(writer.kysely)
    await expect(migrate(writer)).rejects.toThrow(/to make the table ingest_writer/)
    expect(await storedPosts(writer)).toEqual(STORED)
  })

  test('an upgrade has a process of its own, which a signal ends while it waits or works', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'old.db')
    const databaseUrl = `sqlite:${path}`
    await using writer = await openWriter(databaseUrl)
    await makeOld(writer, 1)
    const logs: string[] = []
    const write = (line: string): number => logs.push((JSON.parse(line) as { event: string }).event)
    const logger = createLogger({ level: 'info', pretty: false, destination: { write } })
    const stop = new AbortController()
    const other = new BetterSqlite3(path)
    other.exec('begin immediate')
    const stopped = bringUpToDate(writer, { databaseUrl, logger, signal: stop.signal })
    stopped.catch(() => {})
    await until(() => logs.includes('migrationWaits'))
    stop.abort()
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    other.close()
    expect(await isMigrated(writer)).toBe(false)
    await bringUpToDate(writer, { databaseUrl, logger, signal: undefined })
    expect(await isMigrated(writer)).toBe(true)
    expect(await storedPosts(writer)).toEqual(STORED)
    expect(logs).toEqual(['migrating', 'migrationWaits', 'migrating', 'migrated'])
  })

  test('an upgrade that is refused in its own process is refused as one in this', async () => {
    using folder = temporaryFolder()
    const databaseUrl = `sqlite:${join(folder.path, 'old.db')}`
    await using writer = await openWriter(databaseUrl)
    await makeOld(writer, 1)
    await sql`create table ingest_writer (note text)`.execute(writer.kysely)
    const logger = silentLogger()
    const refused = bringUpToDate(writer, { databaseUrl, logger, signal: undefined })
    await expect(refused).rejects.toMatchObject({
      name: 'ConfigError',
      problems: [expect.stringMatching(/to make the table ingest_writer/)],
    })
  })

  test('a file of nothing is a new database', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'empty.db')
    writeFileSync(path, '')
    expect(await faultsOf(path, 0, await wholeSchema(folder.path))).toEqual([])
  })

  test('version 0.1.0 finds its own migrations done', async () => {
    using folder = temporaryFolder()
    await using writer = await openWriter(`sqlite:${join(folder.path, 'a.db')}`)
    await migrate(writer)
    await expect(migrateAsBefore(writer, migrationsFor(writer.dialect))).resolves.toBeUndefined()
  })
})

describe('on Postgres', () => {
  /** Ends the session before the statement of that number; undefined when there are not so many. */
  async function killAt(url: string, number: number): Promise<boolean> {
    const writer = await openWriter(url)
    let count = 0
    let ended: Promise<void> | undefined
    const spoilt = watched(writer, () => {
      count += 1
      if (count === number) {
        ended = writer[Symbol.asyncDispose]() as Promise<void>
        throw new Error('killed')
      }
    })
    await migrate(spoilt).catch(() => {})
    await (ended ?? writer[Symbol.asyncDispose]())
    return ended !== undefined
  }

  test.each(STARTS)(
    'a start that is killed in between is finished by the next: from %i',
    async (number) => {
      await using database = await createPostgresDatabase(false)
      const { url } = database
      if (number > 0) {
        await using writer = await openWriter(url)
        await makeOld(writer, number)
      }
      await using watcher = await openWriter(url)
      const objects = async (): Promise<string> => {
        const { rows } = await sql<{ n: number }>`select count(*) as n from pg_class
          where relnamespace = 'public'::regnamespace`.execute(watcher.kysely)
        return String(rows[0]?.n)
      }
      const before = await objects()
      let kills = 0
      const states = new Set<string>()
      // Each costs a session: one in so many statements is enough where the server keeps them together.
      const stride = number === 0 ? 5 : 2
      while (await killAt(url, kills * stride + 1)) {
        kills += 1
        states.add(await objects())
      }
      // As it was, or with whole migrations done: never in between.
      expect(kills).toBeGreaterThan(number === 0 ? 5 : 2)
      const whole = Object.keys(migrationsFor(watcher.dialect)).length + 1 - number
      expect(states.size).toBeLessThanOrEqual(whole)
      expect(states).toContain(before)
      await using writer = await openWriter(url)
      await migrate(writer)
      await using fresh = await createPostgresDatabase()
      await using other = await openWriter(fresh.url)
      expect(await readShapes(writer)).toEqual(await readShapes(other))
      expect(number > 0 ? await storedPosts(writer) : STORED).toEqual(STORED)
    },
  )

  test('two that start together on one database make it once', async () => {
    await using database = await createPostgresDatabase(false)
    await using first = await openWriter(database.url)
    await using second = await openWriter(database.url)
    const begun: string[] = []
    const onBegin = (name: string): number => begun.push(name)
    await Promise.all([migrate(first, { onBegin }), migrate(second, { onBegin })])
    expect(begun).toEqual(Object.keys(migrationsFor(first.dialect)))
    await migrateAsBefore(second, migrationsFor(first.dialect))
  })

  test('a database of another program or of a newer version is refused untouched', async () => {
    await using database = await createPostgresDatabase(false)
    await using writer = await openWriter(database.url)
    await sql`create table customer (name text)`.execute(writer.kysely)
    await expect(migrate(writer)).rejects.toThrow(/another program.*customer/)
    expect((await readShapes(writer)).size).toBe(1)
    await sql`create schema mine`.execute(writer.kysely)
    // A schema of its own in the same database is as good as another database.
    await sql`set search_path = mine`.execute(writer.kysely)
    await migrate(writer)
    await sql`insert into kysely_migration values ('900-later', '')`.execute(writer.kysely)
    await expect(migrate(writer)).rejects.toThrow(/newer version of tagfeed/)
  })

  test('what an extension has made is no sign of another program', async () => {
    await using database = await createPostgresDatabase(false)
    await using writer = await openWriter(database.url)
    const { rows } = await sql<{ name: string }>`select name from pg_available_extensions
      where name = 'pg_stat_statements'`.execute(writer.kysely)
    if (rows.length > 0) {
      await sql`create extension pg_stat_statements`.execute(writer.kysely)
    }
    await migrate(writer)
    expect(await isMigrated(writer)).toBe(true)
  })
})
