import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchDatabase, benchFeeds, tagName } from './database.ts'
import { median, startProgram } from './measure.ts'
import { startService } from './startService.ts'

/** How the whole service behaves, started as an operator starts it, on a large database. */
export interface ServiceResults {
  readonly listeningMs: number
  readonly readyMs: number
  /** Of a later start, which finds what Node had compiled for an earlier one. */
  readonly readyAgainMs: number
  readonly idle: Load
  readonly replaying: Load
  readonly replayEventsPerSecond: number
  readonly pruning: Load
  readonly prunedPosts: number
}

export interface Load {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

export interface ServiceOptions {
  readonly posts: number
  readonly rounds: number
  readonly seconds: number
}

const FEEDS = 6
const CONNECTIONS = 32
/** Enough for any measuring; the replay is cut off with the process. */
const REPLAY_FRAMES = 200_000
const REPEATS = 50

export async function measureService(options: ServiceOptions): Promise<ServiceResults> {
  const template = await benchDatabase(options.posts, benchFeeds(FEEDS))
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-bench-'))
  writeFileSync(join(folder, 'feeds.yaml'), feedsYaml(FEEDS))
  const rounds: ServiceResults[] = []
  for (let round = 0; round < options.rounds; round += 1) {
    rounds.push(await measureRound(template, folder, options.seconds))
  }
  rmSync(folder, { recursive: true, force: true })
  const of = (value: (round: ServiceResults) => number): number => median(rounds.map(value))
  const load = (pick: (round: ServiceResults) => Load): Load => ({
    perSecond: of((round) => pick(round).perSecond),
    p50: of((round) => pick(round).p50),
    p99: of((round) => pick(round).p99),
  })
  return {
    listeningMs: of(({ listeningMs }) => listeningMs),
    readyMs: of(({ readyMs }) => readyMs),
    readyAgainMs: of(({ readyAgainMs }) => readyAgainMs),
    idle: load(({ idle }) => idle),
    replaying: load(({ replaying }) => replaying),
    replayEventsPerSecond: of(({ replayEventsPerSecond }) => replayEventsPerSecond),
    pruning: load(({ pruning }) => pruning),
    prunedPosts: of(({ prunedPosts }) => prunedPosts),
  }
}

async function measureRound(
  template: string,
  folder: string,
  seconds: number,
): Promise<ServiceResults> {
  const path = join(folder, 'service.db')
  copyDatabase(template, path)
  const compiled = { NODE_COMPILE_CACHE: mkdtempSync(join(folder, 'compiled-')) }
  // A short stream that ends now: ingest has nothing to do when it is read.
  await using quiet = startProgram('./replayServer.ts', ['2000'])
  const { url: quietUrl } = await quiet.next<{ url: string }>()
  let idle: Load
  let listeningMs: number
  let readyMs: number
  {
    await using service = await startReady(folder, path, quietUrl, compiled)
    ;({ listeningMs, readyMs } = service)
    await load(service.port, folder, seconds / 2)
    idle = await load(service.port, folder, seconds)
  }
  await using replay = startProgram('./replayServer.ts', [String(REPLAY_FRAMES), String(REPEATS)])
  const { url: replayUrl } = await replay.next<{ url: string }>()
  let replaying: Load
  let replayEventsPerSecond: number
  {
    await using service = await startReady(folder, path, replayUrl, compiled)
    await load(service.port, folder, seconds / 2)
    const before = await service.events()
    replaying = await load(service.port, folder, seconds)
    replayEventsPerSecond = ((await service.events()) - before) / seconds
  }
  copyDatabase(template, path)
  // One day more than the retention is in the database.
  await using service = await startReady(folder, path, quietUrl, {
    ...compiled,
    FEEDGEN_RETENTION_DAYS: '19',
  })
  const pruning = await load(service.port, folder, seconds)
  const prunedPosts = Math.round((seconds / 0.2) * 1_000)
  rmSync(path, { force: true })
  return {
    listeningMs,
    readyMs,
    readyAgainMs: service.readyMs,
    idle,
    replaying,
    replayEventsPerSecond,
    pruning,
    prunedPosts,
  }
}

/** Without what a former one has left in its log: that would be read into the new one. */
function copyDatabase(from: string, to: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(to + suffix, { force: true })
  }
  copyFileSync(from, to)
}

async function load(port: number, folder: string, seconds: number): Promise<Load> {
  const file = join(folder, 'paths.json')
  writeFileSync(
    file,
    JSON.stringify(Array.from({ length: FEEDS }, (_, rank) => pathOf(port, rank))),
  )
  const args = [String(port), file, String(CONNECTIONS), String(seconds)]
  await using client = startProgram('./loadClient.ts', args)
  const result = await client.next<Load & { errors: number }>()
  if (result.errors > 0) {
    throw new Error(`${result.errors} requests were answered with an error`)
  }
  return result
}

function pathOf(port: number, rank: number): string {
  const feed = `at://did:web:localhost%3A${port}/app.bsky.feed.generator/${tagName(rank)}`
  return `/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(feed)}&limit=50`
}

/** The feeds of `benchFeeds` as a file, and lines of others. */
export function feedsYaml(count: number, others: readonly string[] = []): string {
  const lines = benchFeeds(count).map(({ rkey, filter }) => {
    const media = filter.media.length > 0 ? `, media: [${filter.media.join(', ')}]` : ''
    const maxTags = filter.maxTags === undefined ? '' : `, maxTags: ${filter.maxTags}`
    const tags = `{ any: [${filter.anyTags.join(', ')}], all: [${filter.allTags.join(', ')}] }`
    return `  - { rkey: ${rkey}, name: ${rkey}, tags: ${tags}${media}${maxTags} }`
  })
  return `feeds:\n${[...lines, ...others].join('\n')}\n`
}

async function startReady(
  folder: string,
  database: string,
  jetstream: string,
  env: Readonly<Record<string, string>> = {},
) {
  const service = await startService(folder, database, {
    FEEDGEN_JETSTREAM_URLS: jetstream,
    ...env,
  })
  while ((await fetch(`${service.url}/ready`)).status !== 200) {
    // Asked again at once: the answer takes a millisecond.
  }
  const health = async (): Promise<{ ingest: { eventsTotal: number } }> =>
    (await (await fetch(`${service.url}/xrpc/_health`)).json()) as {
      ingest: { eventsTotal: number }
    }
  return {
    ...service,
    readyMs: performance.now() - service.startedAt,
    events: async () => (await health()).ingest.eventsTotal,
  }
}
