import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '../../src/db/migrate.ts'
import { openWriter } from '../../src/db/openDatabase.ts'
import type { FeedDefinition } from '../../src/feeds/feedDefinition.ts'
import { prepareFilters } from '../../src/feeds/openFeeds.ts'
import { RecordStore } from '../../src/ingest/recordStore.ts'
import type { RowOp } from '../../src/ingest/rowOps.ts'
import { storeBatch } from '../../src/ingest/storeBatch.ts'
import { silentLogger } from '../../src/logger.ts'
import { systemClock } from '../../src/time.ts'
import { feedOf, filterOf } from '../support/definitions.ts'
import { did, fakeCid, tid } from '../support/events.ts'
import { createRandom } from '../support/streamGenerator.ts'

export const TAGS = 4_096
const ACCOUNTS = 50_000
/** Away from the accounts of `generateFrames`. */
const FIRST_ACCOUNT = 1_000_000
const BATCH = 5_000
const SPAN_US = 20 * 24 * 3_600 * 1_000_000

export const tagName = (rank: number): string => `tag${rank}`

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
  const path = join(folder, `posts-${posts}-feeds-${feeds.length}-5.db`)
  if (existsSync(path)) {
    return path
  }
  mkdirSync(folder, { recursive: true })
  const draft = `${path}.draft-${process.pid}`
  {
    await using writer = await openWriter(`sqlite:${draft}`)
    await migrate(writer)
    const logger = silentLogger()
    await prepareFilters(writer, feeds, { clock: systemClock, logger })
    const store = new RecordStore(writer, () => true)
    const target = { database: writer, store, pinned: [] }
    const startUs = systemClock() - SPAN_US
    const random = createRandom(7)
    for (let first = 0; first < posts; first += BATCH) {
      const ops: RowOp[] = []
      for (let index = first; index < Math.min(first + BATCH, posts); index += 1) {
        ops.push(inventedPost(index, startUs + Math.floor((index / posts) * SPAN_US), random))
      }
      await storeBatch(target, { ops, position: undefined, lastEventUs: undefined }, systemClock())
    }
  }
  renameSync(draft, path)
  return path
}

export function inventedPost(index: number, timeUs: number, random: { next(): number }): RowOp {
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
