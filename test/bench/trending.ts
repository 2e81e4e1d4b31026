/** Rankings: how long one takes, what a page of one costs, and whether readers notice. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { WriteDatabase } from '../../src/db/database.ts'
import { openReader, openWriter } from '../../src/db/openDatabase.ts'
import { migrate } from '../../src/db/upgrade/migrate.ts'
import { DEFAULT_TRENDING } from '../../src/feedfile/readTrending.ts'
import { createFeeds, prepareFilters } from '../../src/feeds/createFeeds.ts'
import type { Feed } from '../../src/feeds/feed.ts'
import { rankingsOf } from '../../src/feeds/rankingDefinition.ts'
import type { RankingDefinition } from '../../src/feeds/rankingDefinition.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import { silentLogger } from '../../src/logger.ts'
import { FeedFilters } from '../../src/posts/feedFilters.ts'
import { US_PER_HOUR, systemClock } from '../../src/time.ts'
import { candidateSource } from '../../src/trending/candidates.ts'
import { prepareCandidates } from '../../src/trending/candidateStatements.ts'
import type { CandidateStatements } from '../../src/trending/candidateStatements.ts'
import { rankPosts } from '../../src/trending/rank.ts'
import { Ranker } from '../../src/trending/ranker.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { feedOf, filterOf } from '../support/definitions.ts'
import { did, fakeCid, tid } from '../support/events.ts'
import { createRandom } from '../support/streamGenerator.ts'
import { median, startProgram } from './measure.ts'
import { startService } from './startService.ts'

export interface TrendingResults {
  /** Posts of the window with engagement; and those of them that a ranking reads. */
  readonly candidates: number
  readonly weighed: number
  /** Candidates looked through, ranked and written as a generation. */
  readonly rankMs: number
  /** The same when there is no generation to go by. */
  readonly firstRankMs: number
  /** The plain way: all candidates read and ranked, and nothing written. */
  readonly plainMs: number
  /** Pages a second of the trending feed, of those of the recent one with the same posts. */
  readonly pageRatio: number
  /** Milliseconds at a steady 1,000 requests a second, without ranking and with one every second. */
  readonly idleP99: number
  readonly rankingP99: number
  readonly bytesPerPost: number
  readonly bytesPerEngagement: number
}

const POSTS = 120_000
const LIKES = 360_000
const FANS = 50_000
const BATCH = 5_000
const FEEDS_FILE = `feeds:
  - { rkey: hot, name: Hot, tags: [hot], order: trending, trending: { refreshSeconds: 1 } }
  - { rkey: new, name: New, tags: [hot] }
`
const definitions = [
  feedOf('hot', { order: 'trending', trending: { ...DEFAULT_TRENDING, refreshSeconds: 1 } }),
  feedOf('new', { filter: filterOf({ anyTags: ['hot'] }) }),
]

export async function measureTrending(rounds: number, seconds: number): Promise<TrendingResults> {
  const { path, bytesPerPost, bytesPerEngagement } = await trendingDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-bench-'))
  const file = join(folder, 'trending.db')
  copyFileSync(path, file)
  const ranking = await measureRanking(file, rounds)
  const pageRatio = await measurePages(file, rounds)
  const p99 = { idle: [] as number[], ranking: [] as number[] }
  writeFileSync(join(folder, 'feeds.yaml'), FEEDS_FILE)
  for (let round = 0; round < rounds; round += 1) {
    p99.idle.push(await measureSteady(folder, file, 'serve', seconds))
    p99.ranking.push(await measureSteady(folder, file, 'serve,rank', seconds))
  }
  rmSync(folder, { recursive: true, force: true })
  return {
    ...ranking,
    pageRatio,
    idleP99: median(p99.idle),
    rankingP99: median(p99.ranking),
    bytesPerPost,
    bytesPerEngagement,
  }
}

/** Posts of three days under one tag, with likes that a few get most of; made once. */
async function trendingDatabase() {
  const folder = join(tmpdir(), 'tagfeed-bench')
  const path = join(folder, 'trending-3.db')
  const sizes = `${path}.json`
  if (!existsSync(sizes)) {
    mkdirSync(folder, { recursive: true })
    const draft = `${path}.draft-${process.pid}`
    const filled = await fillTrending(draft)
    renameSync(draft, path)
    writeFileSync(sizes, JSON.stringify(filled))
  }
  const { posts, all } = JSON.parse(readFileSync(sizes, 'utf8')) as Record<'posts' | 'all', number>
  return {
    path,
    bytesPerPost: posts / POSTS,
    bytesPerEngagement: (all - posts) / LIKES,
  }
}

/** Answers the bytes in use after the posts, and after the likes. */
async function fillTrending(file: string): Promise<{ posts: number; all: number }> {
  const random = createRandom(3)
  const windowUs = 70 * US_PER_HOUR
  const startUs = systemClock() - windowUs
  await using writer = await openWriter(`sqlite:${file}`)
  await migrate(writer)
  await prepareFilters(writer, definitions, { clock: systemClock, logger: silentLogger() })
  const store = createRecordStore(writer)
  const target = { store, pinned: [], windowUs: 2 * windowUs }
  const fill = async (count: number, make: (index: number) => Operation): Promise<number> => {
    for (let first = 0; first < count; first += BATCH) {
      const ops = Array.from({ length: BATCH }, (_, index) => make(first + index))
      const batch = { ops, position: undefined, lastEventUs: undefined }
      await storeBatch(target, batch, systemClock())
    }
    return await usedBytes(writer)
  }
  const keyOf = (index: number) => {
    const timeUs = startUs + Math.floor((index / POSTS) * windowUs)
    return { did: did(index % 20_000), rkey: tid(timeUs), timeUs }
  }
  const posts = await fill(POSTS, (index) => ({
    kind: 'putPost',
    ...keyOf(index),
    rev: keyOf(index).rkey,
    cid: fakeCid(index),
    indexedAt: keyOf(index).timeUs,
    facts: { tags: ['hot'], media: 0, languages: ['en'], labels: [] },
  }))
  const all = await fill(LIKES, (index) => {
    const subject = keyOf(Math.floor(POSTS * random.next() ** 2))
    const timeUs = startUs + Math.floor((index / LIKES) * windowUs)
    return {
      kind: 'putMark',
      mark: 'like',
      did: did(100_000 + Math.floor(random.next() * FANS)),
      rkey: tid(timeUs, index),
      rev: tid(timeUs, index),
      timeUs,
      engagement: { kind: 'like', did: subject.did, rkey: subject.rkey },
    }
  })
  return { posts, all }
}

/** Bytes of the pages in use. */
async function usedBytes({ kysely }: WriteDatabase): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`select
    (page_count - freelist_count) * page_size as bytes
    from pragma_page_count(), pragma_freelist_count(), pragma_page_size()`.execute(kysely)
  return rows[0]?.bytes ?? 0
}

type RankingTimes = Pick<
  TrendingResults,
  'candidates' | 'weighed' | 'rankMs' | 'firstRankMs' | 'plainMs'
>

/** Each time with one more like, so that there is a new generation to write; interleaved. */
async function measureRanking(file: string, rounds: number): Promise<RankingTimes> {
  await using writer = await openWriter(`sqlite:${file}`)
  const { kysely } = writer
  const rankings = rankingsOf(definitions)
  const options = { rankings, retentionDays: 30, logger: silentLogger(), clock: systemClock }
  const ranker = (): Ranker => new Ranker({ ...options, database: writer })
  let likes = 1_000_000
  const rank = async (): Promise<number> => {
    likes += 1
    await kysely.updateTable('post_count').set({ likes }).where('post_id', '=', 1).execute()
    const startedAt = performance.now()
    await ranker().runDue()
    return performance.now() - startedAt
  }
  const statements = prepareCandidates(writer)
  const times = { first: [] as number[], plain: [] as number[], next: [] as number[] }
  let candidates = 0
  for (let round = 0; round < rounds + 1; round += 1) {
    await kysely.deleteFrom('ranking').execute()
    times.first.push(await rank())
    times.next.push(await rank())
    const startedAt = performance.now()
    candidates = await rankPlainly(statements, rankings)
    times.plain.push(performance.now() - startedAt)
  }
  const { candidates: weighed } = await kysely
    .selectFrom('ranking')
    .select('candidates')
    .executeTakeFirstOrThrow()
  const medianOf = (list: readonly number[]): number => median(list.slice(1))
  return {
    candidates,
    weighed,
    rankMs: medianOf(times.next),
    firstRankMs: medianOf(times.first),
    plainMs: medianOf(times.plain),
  }
}

/** Answers how many candidates there were. */
async function rankPlainly(
  statements: CandidateStatements,
  rankings: readonly RankingDefinition[],
): Promise<number> {
  let count = 0
  for (const { filterHash, options } of rankings) {
    const nowUs = systemClock()
    const sinceUs = nowUs - options.windowHours * US_PER_HOUR
    const source = candidateSource(statements, { filterHash, sinceUs, options, nowUs })
    const candidates = await source.above(0)
    rankPosts(candidates, options, nowUs)
    count += candidates.length
  }
  return count
}

/** Short, so that what else the machine does falls on both feeds alike. */
const PAGES_A_TURN = 400
const TURNS_A_ROUND = 40

/** Both feeds hold the same posts; pages 1 to 20 of 50, in many short turns, each feed first in half. */
async function measurePages(file: string, rounds: number): Promise<number> {
  await using reader = await openReader(`sqlite:${file}`)
  const options = {
    reader,
    definitions,
    filters: new FeedFilters([1, 1]),
    retentionDays: 30,
    clock: systemClock,
  }
  const turns = createFeeds(options).map((feed) => ({ feed, times: [] as number[] }))
  for (let turn = 0; turn < (rounds + 1) * TURNS_A_ROUND; turn += 1) {
    for (const { feed, times } of turn % 2 === 0 ? turns : turns.toReversed()) {
      times.push(await timePages(feed))
    }
  }
  const [trending = NaN, recent = NaN] = turns.map(({ times }) =>
    median(times.slice(TURNS_A_ROUND)),
  )
  return recent / trending
}

async function timePages(feed: Feed): Promise<number> {
  const startedAt = performance.now()
  let cursor: string | undefined
  for (let page = 0; page < PAGES_A_TURN; page += 1) {
    const answer = await feed.page({ limit: 50, cursor })
    cursor = page % 20 === 19 ? undefined : answer.cursor
  }
  return performance.now() - startedAt
}

/** The p99 of a service at a steady rate, in milliseconds. */
async function measureSteady(
  folder: string,
  file: string,
  roles: string,
  seconds: number,
): Promise<number> {
  await using service = await startService(folder, file, { FEEDGEN_ROLES: roles })
  const port = String(service.port)
  const paths = join(folder, 'paths.json')
  const pathOf = (rkey: string): string =>
    `/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(
      `at://did:web:localhost%3A${port}/app.bsky.feed.generator/${rkey}`,
    )}&limit=50`
  writeFileSync(paths, JSON.stringify([pathOf('hot'), pathOf('new')]))
  await using client = startProgram('./loadClient.ts', [port, paths, '32', String(seconds), '1000'])
  const { p99, errors } = await client.next<{ p99: number; errors: number }>()
  if (errors > 0) {
    throw new Error(`${errors} requests were answered with an error`)
  }
  return p99
}
