/** One part of the benchmarks each: measures, and prints what it has found. */
import { statSync } from 'node:fs'
import { benchDatabase, benchFeeds } from './database.ts'
import { measureIngest, measureMemory } from './ingest.ts'
import { measureLive } from './live.ts'
import { measureOverload } from './overload.ts'
import { measurePages } from './pages.ts'
import { measurePostgres } from './postgres.ts'
import { measureService } from './service.ts'
import { measureTrending } from './trending.ts'
import { measureViewers } from './viewers.ts'

export interface BenchOptions {
  readonly rounds: number
  readonly seconds: number
  readonly posts: number
  readonly frames: number
  readonly longStream: number
  readonly connections: number
  readonly overloadSeconds: number
  readonly rate: number
  readonly requests: number
  readonly liveSeconds: number
  /** Other checkouts, whose live services run at the same time. */
  readonly beside: readonly string[]
}

type Report = (options: BenchOptions) => Promise<void>

/** By the names that `--only` takes, in the order in which they run. */
export const REPORTS: Readonly<Record<string, Report>> = {
  pages: reportPages,
  postgres: reportPostgres,
  ingest: reportIngest,
  memory: reportMemory,
  trending: reportTrending,
  viewers: reportViewers,
  service: reportService,
  overload: reportOverload,
  live: reportLive,
}

async function reportPages(options: BenchOptions): Promise<void> {
  const pages = await measurePages(options)
  console.table(pages)
  const rate = (name: string): number => pages[name]?.perSecond ?? Number.NaN
  report('service of bare node:http, mixed pages', rate('service, mixed') / rate('bare, mixed'))
  const uncached = rate('service, mixed, nothing kept')
  report('the same, nothing kept', uncached / rate('bare, mixed'))
  report('service of bare node:http, deep pages', rate('service, deep') / rate('bare, deep'))
  report('service of framework, mixed pages', rate('service, mixed') / rate('framework, mixed'))
  report('first pages of constant body', rate('service, first pages') / rate('constant'))
  report('page 1000 of page 1', rate('service, page 1000') / rate('service, page 1'))
  report('20 tags of one tag', rate('service, 20 tags') / rate('service, page 1'))
  report('two processes of one', rate('service, two cores') / uncached)
}

async function reportPostgres(options: BenchOptions): Promise<void> {
  const postgres = await measurePostgres(options)
  console.table(postgres.pages)
  console.log(postgres.plans.join('\n'))
  const page = (name: string): number => postgres.pages[name]?.perSecond ?? Number.NaN
  report('Postgres: pages of those of SQLite', page('postgres, mixed') / page('sqlite, mixed'))
  report('Postgres: page 1000 of page 1', page('postgres, page 1000') / page('postgres, page 1'))
  report('Postgres: 20 tags of one tag', page('postgres, 20 tags') / page('postgres, page 1'))
  report('Postgres: two processes of one', page('postgres, two') / page('postgres, mixed'))
  console.log(`posts stored a second: ${JSON.stringify(postgres.inserts)}`)
  report('Postgres: inserts of SQLite', postgres.inserts.postgres / postgres.inserts.sqlite)
}

async function reportIngest(options: BenchOptions): Promise<void> {
  const ingest = await measureIngest(options)
  console.table(ingest)
  reportShares('ingest of JSON.parse, by CPU', ingest.ofParseCpu)
  reportShares('ingest beside JSON.parse, by CPU', ingest.besideParseCpu)
}

async function reportMemory({ longStream, posts }: BenchOptions): Promise<void> {
  const { eventsPerSecond, tenths } = await measureMemory(longStream, posts)
  console.log(
    `${longStream} new events at ${eventsPerSecond}/s; MiB at each tenth: ${tenths.join(' ')}`,
  )
}

async function reportTrending({ rounds, seconds }: BenchOptions): Promise<void> {
  const trending = await measureTrending(rounds, seconds)
  console.table(trending)
  report('ranking, of all candidates read', trending.rankMs / trending.plainMs)
  report('a trending page of a recent one', trending.pageRatio)
  report('p99 beside ranking, of idle', trending.rankingP99 / trending.idleP99)
}

async function reportViewers({ posts, rounds }: BenchOptions): Promise<void> {
  const { pages, verifyUs } = await measureViewers(posts, rounds)
  const recent = pages['recent'] ?? Number.NaN
  for (const [name, us] of Object.entries(pages)) {
    report(`${name}: ${us} us, of a recent page`, us / recent)
  }
  console.log(`a token verified, several at once, in us: ${JSON.stringify(verifyUs)}`)
}

async function reportService(options: BenchOptions): Promise<void> {
  const { readyMs, readyAgainMs, replayEventsPerSecond, ...loads } = await measureService(options)
  const { idle, replaying, pruning } = loads
  console.table({ idle, replaying, pruning })
  console.log(`ready after ${Math.round(readyMs)} ms, again after ${Math.round(readyAgainMs)} ms`)
  console.log(`replay beside readers: ${Math.round(replayEventsPerSecond)} events/s`)
  report('replaying of idle, requests/s', replaying.perSecond / idle.perSecond)
  report('replaying of idle, p99', replaying.p99 / idle.p99)
  report('pruning of idle, p99', pruning.p99 / idle.p99)
  const path = await benchDatabase(options.posts, benchFeeds(6))
  report('bytes of disk a post, with 1.2 tags and 6 feeds', statSync(path).size / options.posts)
}

/** More clients than can be served: all for pages, then three of eight for the page for people. */
async function reportOverload(options: BenchOptions): Promise<void> {
  const { posts, connections, overloadSeconds: seconds } = options
  for (const people of [0, Math.round((connections * 3) / 8)]) {
    const result = await measureOverload({ posts, connections, people, seconds })
    const { waits, serverMib, clientLagMs, errors } = result
    console.log(`${connections} connections for ${seconds} s, ${people} of them on /; waits in ms`)
    console.table(waits)
    console.log(
      `server: ${serverMib} MiB at most; client: kept answers waiting for ${Math.round(clientLagMs)} ms at most; errors: ${errors}\n`,
    )
  }
}

/** What a small machine needs. */
async function reportLive(options: BenchOptions): Promise<void> {
  const { posts, liveSeconds, rate, requests, beside } = options
  console.log(`${rate} events/s and ${requests} requests/s for ${liveSeconds} s\n`)
  const results = await measureLive({
    posts,
    seconds: liveSeconds,
    eventsPerSecond: rate,
    requestsPerSecond: requests,
    beside,
  })
  for (const [index, { threads, ...others }] of results.entries()) {
    console.log(index === 0 ? 'this code' : beside[index - 1])
    console.table({ 'percent of a core': threads })
    console.table(others)
  }
}

function reportShares(
  what: string,
  { all, first, rest }: Record<'all' | 'first' | 'rest', number>,
): void {
  report(what, all)
  report('  the first 300,000 frames', first)
  report('  those after them', rest)
}

function report(what: string, value: number): void {
  console.log(`${what}: ${value.toFixed(value < 10 ? 2 : 0)}`)
}
