import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WriteDatabase } from '../../src/db/database.ts'
import { migrationsFor } from '../../src/db/migrations/index.ts'
import { openWriter } from '../../src/db/openDatabase.ts'
import { sqliteDialect } from '../../src/db/statements/dialect.ts'
import { migrate } from '../../src/db/upgrade/migrate.ts'
import { prepareFilters } from '../../src/feeds/createFeeds.ts'
import type { FeedDefinition } from '../../src/feeds/feedDefinition.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { silentLogger } from '../../src/logger.ts'
import { systemClock } from '../../src/time.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { feedOf, filterOf } from '../support/definitions.ts'
import { did, fakeCid, tid } from '../support/events.ts'
import { createRandom } from '../support/streamGenerator.ts'

export const TAGS = 4_096
const ACCOUNTS = 50_000
/** Away from the accounts of `generateFrames`. */
const FIRST_ACCOUNT = 1_000_000
const BATCH = 5_000
const SPAN_US = 20 * 24 * 3_600 * 1_000_000

/** The commonest tags of the invented stream too: what it brings is for the feeds. */
const COMMON = 'art artwork photography cats digitalart nsfw nature music cat gaming dogs'.split(
  ' ',
)

export const tagName = (rank: number): string => COMMON[rank] ?? `tag${rank}`

/** One feed for each of the commonest tags, and some of several tags and with filters. */
export function benchFeeds(count: number): FeedDefinition[] {
  const single = Array.from({ length: count }, (_, rank) => feedOf(tagName(rank)))
  const first = (tags: number): string[] => Array.from({ length: tags }, (_, rank) => tagName(rank))
  return [
    ...single,
    feedOf('any5', { filter: filterOf({ anyTags: first(5) }) }),
    feedOf('any20', { filter: filterOf({ anyTags: first(20) }) }),
    feedOf('all2', { filter: filterOf({ allTags: first(2) }) }),
    feedOf('rare', { filter: filterOf({ anyTags: first(1), maxTags: 1, media: ['video'] }) }),
  ]
}

/** Zipf: rank 0 has about a tenth of all uses. */
function zipf(random: number): number {
  return Math.min(TAGS - 1, Math.floor((TAGS + 1) ** random) - 1)
}

/**
 * A database with so many invented posts over twenty days, about 1.2 tags each, made once and kept in
 * the folder for temporary files.
 */
export async function benchDatabase(
  posts: number,
  feeds: readonly FeedDefinition[],
): Promise<string> {
  const folder = join(tmpdir(), 'tagfeed-bench')
  // One that an older version has made lacks what migrations have added since.
  const version = Object.keys(migrationsFor(sqliteDialect)).at(-1) ?? ''
  const path = join(folder, `posts-${posts}-feeds-${feeds.length}-${version}.db`)
  if (existsSync(path)) {
    return path
  }
  mkdirSync(folder, { recursive: true })
  const draft = `${path}.draft-${process.pid}`
  await fillDatabase(`sqlite:${draft}`, { posts, feeds })
  renameSync(draft, path)
  return path
}

/** Migrates a database and fills it. */
export async function fillDatabase(
  url: string,
  { posts, feeds }: { posts: number; feeds: readonly FeedDefinition[] },
): Promise<void> {
  await using writer = await openWriter(url)
  await migrate(writer)
  await prepareFilters(writer, feeds, { clock: systemClock, logger: silentLogger() })
  const startUs = systemClock() - SPAN_US
  await insertPosts(writer, { posts, first: 0, startUs, spanUs: SPAN_US })
}

/** Stores invented posts, as many a batch as ingest does; the same ones for the same numbers. */
export async function insertPosts(
  database: WriteDatabase,
  { posts, first, startUs, spanUs }: Record<'posts' | 'first' | 'startUs' | 'spanUs', number>,
): Promise<void> {
  const store = createRecordStore(database)
  const random = createRandom(7 + first)
  for (let done = 0; done < posts; done += BATCH) {
    const ops: Operation[] = []
    for (let index = done; index < Math.min(done + BATCH, posts); index += 1) {
      const timeUs = startUs + Math.floor((index / posts) * spanUs)
      ops.push(inventedPost(first + index, timeUs, random))
    }
    const batch = { ops, position: undefined, lastEventUs: undefined }
    await storeBatch({ store, pinned: [], windowUs: SPAN_US }, batch, systemClock())
  }
}

function inventedPost(index: number, timeUs: number, random: { next(): number }): Operation {
  const tags = new Set([tagName(zipf(random.next()))])
  while (random.next() < 0.17) {
    tags.add(tagName(zipf(random.next())))
  }
  return {
    kind: 'putPost',
    did: did(FIRST_ACCOUNT + Math.floor(random.next() * ACCOUNTS)),
    rkey: tid(timeUs),
    rev: tid(timeUs),
    cid: fakeCid(index),
    indexedAt: timeUs,
    timeUs,
    facts: {
      tags: [...tags],
      media: random.next() < 0.4 ? 1 : 0,
      languages: ['en'],
      labels: [],
    },
  }
}
