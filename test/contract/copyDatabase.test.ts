import { join } from 'node:path'
import { setInterval as ticks } from 'node:timers/promises'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { ALL_TABLES, COPIED_TABLES, withShape } from '../../src/copy/copiedTables.ts'
import { copyDatabase } from '../../src/copy/copyDatabase.ts'
import type { CopyOptions, CopyStep } from '../../src/copy/copyDatabase.ts'
import { preparePages } from '../../src/copy/tablePages.ts'
import type { ReadDatabase, WriteDatabase } from '../../src/db/database.ts'
import { openReader, openRole, openWriter } from '../../src/db/openDatabase.ts'
import { prepareRows } from '../../src/db/statements/rowsStatement.ts'
import { readShapes } from '../../src/db/upgrade/tables.ts'
import { ConfigError, describeError } from '../../src/errors.ts'
import { createFeeds, prepareFilters } from '../../src/feeds/createFeeds.ts'
import { walkFeed } from '../../src/feeds/walkFeed.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { silentLogger } from '../../src/logger.ts'
import { prepareDatabase } from '../../src/service/prepareDatabase.ts'
import { readSetup } from '../../src/service/setup.ts'
import { loadPosition } from '../../src/status/loadPosition.ts'
import { US_PER_HOUR } from '../../src/time.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { createPostgresDatabase, engines, temporaryFolder } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { feedOf } from '../support/definitions.ts'

const NOW = 1_800_000_000_000_000
const clock = (): number => NOW
const logger = silentLogger()
const never = new AbortController().signal
const DEFINITIONS = [feedOf('art'), feedOf('cats')]
const POSTS = 60

/** What has to be escaped in an array literal, in JSON, in SQL, or in none of them. */
const TRAPS = [
  `it's "quoted"`,
  'back\\slash \\u0041 \\',
  '{a,b}',
  'NULL',
  '',
  ' blank ',
  '🦋 e\u0301 \uFFFD',
  'line\u2028separator\u2029',
  'tab\tnew\nline\r\n',
  '\u0001\u001F\u007F',
  '$1 ? :name %s',
]

async function storePosts(database: WriteDatabase, from: number, count: number): Promise<void> {
  const store = createRecordStore(database)
  const ops: Operation[] = Array.from({ length: count }, (_, offset) => {
    const index = from + offset
    const trap = TRAPS[index % TRAPS.length] as string
    return {
      kind: 'putPost',
      did: `did:plc:a${index % 7}`,
      rkey: `r${index}`,
      rev: '3a',
      cid: `bafy${index % 3}`,
      indexedAt: NOW - (index % 5),
      timeUs: NOW,
      facts: {
        tags: [...new Set([index % 2 === 0 ? 'art' : 'cats', trap, 'z'])],
        media: index % 2,
        languages: [trap],
        labels: [],
      },
    }
  })
  const position = { timeUs: NOW + from + count, host: 'host.test', disorderUs: 3 }
  const target = { store, pinned: [], windowUs: 72 * US_PER_HOUR }
  await storeBatch(target, { ops, position, lastEventUs: NOW }, NOW + from)
}

async function fill({ writer }: TestDatabase): Promise<void> {
  await prepareFilters(writer, DEFINITIONS, { clock, logger })
  await storePosts(writer, 0, POSTS)
  const deletions: Operation[] = [1, 2, POSTS - 1].map((index) => ({
    kind: 'deletePost',
    did: `did:plc:a${index % 7}`,
    rkey: `r${index}`,
    rev: '3b',
  }))
  const gone: Operation = {
    kind: 'setAccount',
    did: 'did:plc:a3',
    active: false,
    status: TRAPS.join(),
    timeUs: 1,
    toldUs: 1,
    time: 1,
  }
  const store = createRecordStore(writer)
  const batch = { ops: [...deletions, gone], position: undefined, lastEventUs: undefined }
  await storeBatch({ store, pinned: [], windowUs: 72 * US_PER_HOUR }, batch, NOW)
  await writer.kysely
    .insertInto('ingest_start')
    .values({ id: 1, start_us: NOW - 9 })
    .execute()
}

/** Every row of every table that is copied, ids and all. */
async function contents(database: ReadDatabase): Promise<unknown> {
  const shapes = await readShapes(database)
  const tables: Record<string, unknown> = {}
  for (const table of COPIED_TABLES) {
    const pages = preparePages(database, withShape(table, shapes), 10_000)
    tables[table.name] = (await pages.after(null)).map((row) => [...row])
  }
  return tables
}

async function contentsOf(url: string): Promise<unknown> {
  await using reader = await openReader(url)
  return await contents(reader)
}

async function feedPages(url: string): Promise<unknown> {
  await using writer = await openWriter(url)
  const filters = await prepareFilters(writer, DEFINITIONS, { clock, logger })
  await using reader = await openReader(url)
  const feeds = createFeeds({
    reader,
    definitions: DEFINITIONS,
    filters,
    retentionDays: 30,
    clock,
  })
  const pages: unknown[] = []
  for (const [index, feed] of feeds.entries()) {
    for await (const item of walkFeed(feed, POSTS, { signal: never })) {
      pages.push([index, item])
    }
  }
  return pages
}

function copy(from: string, to: string, options: Partial<CopyOptions> = {}) {
  return copyDatabase({ from, to, signal: never, stepRows: 7, glanceMs: 0, ...options })
}

/** Copies until so many steps are done; whether that was the end of it. */
async function copySteps(from: string, to: string, steps: number): Promise<boolean> {
  const stop = new AbortController()
  const seen: CopyStep[] = []
  const onStep = (step: CopyStep): void => {
    seen.push(step)
    if (seen.length === steps) {
      stop.abort()
    }
  }
  try {
    await copy(from, to, { signal: stop.signal, onStep })
    return true
  } catch (error) {
    if (!/the same command goes on/.test(describeError(error))) {
      throw error
    }
    return false
  }
}

interface Place extends AsyncDisposable {
  readonly url: string
}

/** Where there is no database, or an empty one. */
const nowhere: Record<string, () => Promise<Place>> = {
  sqlite: () => {
    const folder = temporaryFolder()
    return Promise.resolve({
      url: `sqlite:${join(folder.path, 'new', 'copy.db')}`,
      [Symbol.asyncDispose]: () => Promise.resolve(folder[Symbol.dispose]()),
    })
  },
  postgres: () => createPostgresDatabase(false),
}

const directions = engines.flatMap(({ name, open }) =>
  Object.entries(nowhere).map(([to, make]) => ({ from: name, to, open, make })),
)

describe.each(directions)('a copy from $from to $to', ({ open, make }) => {
  test('has the same rows, feeds and position, and goes back as it came', async () => {
    await using source = await open()
    await fill(source)
    await using place = await make()
    const report = await copy(source.url, place.url)
    const original = await contents(source.reader)
    expect(await contentsOf(place.url)).toEqual(original)
    expect(report.positionUs).toBe((await loadPosition(source.reader))?.timeUs)
    expect(report.tables.map(({ name }) => name)).toEqual(COPIED_TABLES.map(({ name }) => name))

    await using back = await nowhere[source.writer.dialect.name]?.()
    await copy(place.url, back?.url ?? '')
    expect(await contentsOf(back?.url ?? '')).toEqual(original)
    const pages = await feedPages(source.url)
    expect(JSON.stringify(pages).length).toBeGreaterThan(2_000)
    expect(await feedPages(place.url)).toEqual(pages)
    expect(await feedPages(back?.url ?? '')).toEqual(pages)
  })
})

const crossings = directions.filter(({ from, to }) => from !== to)

describe.each(crossings)('a copy from $from to $to', ({ open, make }) => {
  test('of an empty database is an empty database', async () => {
    await using source = await open()
    await using place = await make()
    const report = await copy(source.url, place.url)
    expect(report.tables.every(({ rows }) => rows === 0)).toBe(true)
    expect(report.positionUs).toBeUndefined()
    expect(await contentsOf(place.url)).toEqual(await contents(source.reader))
  })

  test('goes on where it was stopped, wherever that was', async () => {
    await using source = await open()
    await fill(source)
    const original = await contents(source.reader)
    const phases: string[] = []
    {
      await using place = await make()
      await copy(source.url, place.url, { onStep: ({ phase }) => phases.push(phase) })
    }
    const verifying = phases.indexOf('verifying') + 1
    // The first step, any, the last, and then in the verification.
    for (const steps of [1, 15, verifying - 1, verifying + 2, phases.length]) {
      await using place = await make()
      expect(await copySteps(source.url, place.url, steps)).toBe(false)
      const begun: string[] = []
      await copy(source.url, place.url, { onBegin: (how) => begun.push(how) })
      expect(begun).toEqual(['resumed'])
      expect(await contentsOf(place.url)).toEqual(original)
    }
  })

  test('goes on again and again', async () => {
    await using source = await open()
    await fill(source)
    await using place = await make()
    for (let run = 0; run < 4; run += 1) {
      expect(await copySteps(source.url, place.url, 9)).toBe(false)
    }
    await copy(source.url, place.url)
    expect(await contentsOf(place.url)).toEqual(await contents(source.reader))
  })

  test('goes on after the server has ended its session', async () => {
    await using source = await open()
    await fill(source)
    await using place = await make()
    const onPostgres = [source.url, place.url].find((url) => url.startsWith('postgres:')) ?? ''
    await using admin = await openWriter(onPostgres)
    let steps = 0
    const onStep = (): void => {
      steps += 1
      if (steps === 12) {
        void sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'tagfeed ingest'`.execute(
          admin.kysely,
        )
      }
    }
    await expect(copy(source.url, place.url, { onStep })).rejects.toThrow(/same command goes on/)
    await copy(source.url, place.url, { onBegin: (how) => expect(how).toBe('resumed') })
    expect(await contentsOf(place.url)).toEqual(await contents(source.reader))
  })

  test('repeats no step and skips none when it goes on', async () => {
    await using source = await open()
    await fill(source)
    await using place = await make()
    const tables: string[] = []
    await copySteps(source.url, place.url, 12)
    await copy(source.url, place.url, {
      onBegin: (_how, rows) => expect(rows).toBeGreaterThan(60),
      onStep: ({ phase, table }) => tables.push(`${phase} ${table}`),
    })
    expect(tables).not.toContain('copying account')
    expect(tables).toContain('copying filter_post')
  })

  test('starts over when the source has changed meanwhile', async () => {
    await using source = await open()
    await fill(source)
    await using place = await make()
    expect(await copySteps(source.url, place.url, 12)).toBe(false)
    await storePosts(source.writer, POSTS, 5)
    await source.writer.kysely.deleteFrom('record_trace').execute()
    const begun: string[] = []
    await copy(source.url, place.url, { onBegin: (how) => begun.push(how) })
    expect(begun).toEqual(['anew'])
    expect(await contentsOf(place.url)).toEqual(await contents(source.reader))
  })

  test('goes on when a reader of the source has only noted that it uses its filters', async () => {
    await using source = await open()
    await fill(source)
    await using place = await make()
    expect(await copySteps(source.url, place.url, 40)).toBe(false)
    await prepareFilters(source.writer, DEFINITIONS, { clock: () => NOW + 5, logger })
    const begun: string[] = []
    await copy(source.url, place.url, { onBegin: (how) => begun.push(how) })
    expect(begun).toEqual(['resumed'])
    expect(await contentsOf(place.url)).toEqual(await contents(source.reader))
  })

  test('gives no id again that the source has given, also to rows that are gone', async () => {
    await using source = await open()
    await fill(source)
    const last = await source.reader.kysely
      .selectFrom('post')
      .innerJoin('account', 'account.id', 'post.account_id')
      .select(['post.id', 'did', 'rkey'])
      .orderBy('post.id', 'desc')
      .executeTakeFirstOrThrow()
    const store = createRecordStore(source.writer)
    const ops: Operation[] = [{ kind: 'deletePost', did: last.did, rkey: last.rkey, rev: '3c' }]
    const batch = { ops, position: undefined, lastEventUs: undefined }
    await storeBatch({ store, pinned: [], windowUs: 72 * US_PER_HOUR }, batch, NOW)
    await using place = await make()
    await copy(source.url, place.url)
    await using writer = await openWriter(place.url)
    await storePosts(writer, 1_000, 1)
    const row = await writer.kysely
      .selectFrom('post')
      .select('id')
      .where('rkey', '=', 'r1000')
      .executeTakeFirstOrThrow()
    expect(row.id).toBeGreaterThan(last.id)
  })

  test('names the table that differs at the end, and copies anew after that', async () => {
    await using source = await open()
    await fill(source)
    await using place = await make()
    const spoil = async (): Promise<void> => {
      await using writer = await openWriter(place.url)
      await sql`update post set labels = '["x"]' where rkey = 'r8'`.execute(writer.kysely)
    }
    expect(await copySteps(source.url, place.url, 22)).toBe(false)
    await spoil()
    await expect(copy(source.url, place.url)).rejects.toThrow(/the table post differs/)
    const begun: string[] = []
    await copy(source.url, place.url, { onBegin: (how) => begun.push(how) })
    expect(begun).toEqual(['anew'])
    expect(await contentsOf(place.url)).toEqual(await contents(source.reader))
  })

  test('leaves a target alone that has data of its own', async () => {
    await using source = await open()
    await fill(source)
    await using place = await make()
    await copy(source.url, place.url)
    const before = await contentsOf(place.url)
    await storePosts(source.writer, POSTS, 5)
    await expect(copy(source.url, place.url)).rejects.toThrow(/data of its own/)
    expect(await contentsOf(place.url)).toEqual(before)
  })

  test('refuses to go on with the copy of another database', async () => {
    await using source = await open()
    await fill(source)
    await using other = await open()
    await fill(other)
    await using place = await make()
    expect(await copySteps(source.url, place.url, 5)).toBe(false)
    await expect(copy(other.url, place.url)).rejects.toThrow(/unfinished copy of another/)
    await copy(source.url, place.url)
  })

  test('is refused by the service until it is whole', async () => {
    await using source = await open()
    await fill(source)
    await using place = await make()
    const setup = readSetup({ FEEDGEN_DATABASE_URL: place.url })
    const prepare = () => prepareDatabase(setup, { logger, signal: undefined })
    expect(await copySteps(source.url, place.url, 5)).toBe(false)
    await expect(prepare()).rejects.toThrow(ConfigError)
    await expect(prepare()).rejects.toThrow(/unfinished copy.*run copyDatabase again/)
    await expect(copy(place.url, source.url)).rejects.toThrow(/^FROM: .*unfinished copy/)
    await copy(source.url, place.url)
    await prepare()
  })
})

describe.each(engines)('a copy of a database on $name', ({ open }) => {
  test('knows every table of the schema', async () => {
    await using database = await open()
    expect([...(await readShapes(database.writer)).keys()].sort()).toEqual([...ALL_TABLES].sort())
  })

  test('reads each table by its key, without a sort', async () => {
    await using database = await open()
    const shapes = await readShapes(database.reader)
    for (const table of COPIED_TABLES) {
      const { next } = preparePages(database.reader, withShape(table, shapes), 5_000).sql
      expect(await database.planFaults(next)).toBe('')
    }
  })

  test('lets others read and keeps them from writing while it lasts', async () => {
    await using source = await open()
    await fill(source)
    await using place = await nowhere['sqlite']?.()
    await using writer = await openWriter(source.url, { lockTimeoutMs: 20 })
    const tries: Promise<unknown>[] = []
    await copy(source.url, place?.url ?? '', {
      onStep: () => {
        tries.push(
          contents(source.reader).then(
            () => 'read',
            () => 'not read',
          ),
        )
        if (tries.length === 1) {
          tries.push(
            storePosts(writer, 900, 1).then(
              () => 'written',
              () => 'kept out',
            ),
          )
        }
      },
    })
    const outcomes = new Set(await Promise.all(tries))
    expect(outcomes).toEqual(new Set(['kept out', 'read']))
  })

  test('is refused while somebody ingests, from it or into it', async () => {
    await using source = await open()
    await fill(source)
    await using place = await nowhere['sqlite']?.()
    const stop = new AbortController()
    await using ingester = await openRole({
      databaseUrl: source.url,
      role: 'ingest',
      signal: never,
      onWaiting: () => {},
    })
    const ingest = async (): Promise<void> => {
      let lag = 0
      for await (const _ of ticks(20, undefined, { signal: stop.signal })) {
        lag += 1
        await ingester?.kysely.updateTable('ingest_position').set({ lag_ms: lag }).execute()
      }
    }
    const ingesting = ingest().catch(() => {})
    const hasty = { patienceMs: 1_500, glanceMs: 1_000 }
    await expect(copy(source.url, place?.url ?? '', hasty)).rejects.toThrow(
      /FROM is in use.*Stop that/,
    )
    await using other = await open()
    await expect(copy(other.url, source.url, hasty)).rejects.toThrow(/TO is in use.*Stop that/)
    stop.abort()
    await ingesting
  })

  test('does not make a database where there is none to copy', async () => {
    await using target = await open()
    await using place = await nowhere['sqlite']?.()
    await expect(copy(place?.url ?? '', target.url)).rejects.toThrow(/FROM: there is no database/)
    await using empty = await createPostgresDatabase(false)
    await expect(copy(empty.url, target.url)).rejects.toThrow(/FROM: .*no database of this version/)
    await expect(contentsOf(place?.url ?? '')).rejects.toThrow(/cannot be opened/)
  })

  test('takes a text of any length and a step of any size', async () => {
    await using source = await open()
    await using place = await nowhere['postgres']?.()
    const rows = Array.from({ length: 12_000 }, (_, index) => [
      `r${index}`,
      'did',
      0,
      'rev',
      0,
      NOW,
    ])
    const shape = (await readShapes(source.writer)).get('record_trace') ?? {}
    await prepareRows(
      source.writer,
      shape,
      (some) => sql<never>`insert into record_trace select * from ${some} as rows`,
    ).run([...rows, ['long', 'x'.repeat(2_000), 0, '🦋'.repeat(400_000), 1, -1]])
    await copy(source.url, place?.url ?? '', { stepRows: 12_001 })
    expect(await contentsOf(place?.url ?? '')).toEqual(await contents(source.reader))
  })
})
