import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { packCursor } from '../../src/feeds/cursor.ts'
import { createRandom } from '../support/streamGenerator.ts'
import { benchDatabase, benchFeeds, tagName } from './database.ts'
import { median, startProgram } from './measure.ts'

export const PUBLISHER = 'did:plc:publisheraaaaaaaaaaaaaaa'
export const FEEDS = 400
const CONNECTIONS = 32

export interface PagesOptions {
  readonly posts: number
  readonly rounds: number
  readonly seconds: number
}

export interface Load {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly errors: number
  /** CPU time of the client a request; that of the servers is `cpuUs`. */
  readonly clientUs: number
}

export interface Case {
  readonly name: string
  readonly mode: string
  readonly paths: string
  readonly processes?: number
}

/** With the CPU time of the servers a request. */
export type MeasuredLoad = Load & { readonly cpuUs: number }

export type PageResults = Readonly<Record<string, MeasuredLoad>>

interface CaseServer extends AsyncDisposable {
  measure(seconds: number): Promise<MeasuredLoad>
}

/** Each round in turns, so that what else the machine does for seconds falls on all servers alike. */
const TURNS = 4

/**
 * Measures all page servers, interleaved in short turns; answers the medians. Each round has new ones:
 * of two processes of the same program one may be a fifth slower for as long as it lives.
 */
export async function measurePages(options: PagesOptions): Promise<PageResults> {
  const { rounds, seconds } = options
  const path = await benchDatabase(options.posts, benchFeeds(FEEDS))
  const database = `sqlite:${path}`
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-bench-'))
  const paths = writePaths(folder, path)
  const cases: Case[] = [
    { name: 'constant', mode: 'constant', paths: paths.mixed },
    { name: 'bare, mixed', mode: 'bare', paths: paths.mixed },
    { name: 'bare, deep', mode: 'bare', paths: paths.deep },
    { name: 'service, mixed', mode: 'service', paths: paths.mixed },
    { name: 'service, mixed, nothing kept', mode: 'uncached', paths: paths.mixed },
    { name: 'service, deep', mode: 'service', paths: paths.deep },
    { name: 'framework, mixed', mode: 'framework', paths: paths.mixed },
    { name: 'service, first pages', mode: 'service', paths: paths.first },
    { name: 'service, page 1', mode: 'uncached', paths: paths.one },
    { name: 'service, page 1000', mode: 'uncached', paths: paths.thousand },
    { name: 'service, 20 tags', mode: 'uncached', paths: paths.tags20 },
    { name: 'service, two cores', mode: 'uncached', paths: paths.mixed, processes: 2 },
  ]
  const measured = cases.map((each) => ({ each, loads: [] as MeasuredLoad[] }))
  for (let round = 0; round < rounds; round += 1) {
    await using stack = new AsyncDisposableStack()
    const running: { server: CaseServer; loads: MeasuredLoad[] }[] = []
    for (const { each, loads } of measured) {
      const server = stack.use(await startCase(each, database, Math.min(1, seconds / 2)))
      running.push({ server, loads })
    }
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const { server, loads } of turn % 2 === 0 ? running : running.toReversed()) {
        loads.push(await server.measure(seconds / TURNS))
      }
    }
  }
  rmSync(folder, { recursive: true, force: true })
  return Object.fromEntries(measured.map(({ each, loads }) => [each.name, medians(loads)]))
}

/** Starts a page server on a database, and asks it for pages. */
export async function measureCase(
  each: Case,
  database: string,
  seconds: number,
): Promise<MeasuredLoad> {
  await using server = await startCase(each, database, Math.min(1, seconds / 2))
  return await server.measure(seconds)
}

/** Starts a page server on a database, or several on one port, and asks it for pages to warm it up. */
async function startCase(
  { mode, paths, processes = 1 }: Case,
  database: string,
  warmSeconds: number,
): Promise<CaseServer> {
  await using stack = new AsyncDisposableStack()
  const body = 'x'.repeat(4_230)
  let port = 0
  const servers: ReturnType<typeof startProgram>[] = []
  for (let index = 0; index < processes; index += 1) {
    const wanted = processes === 1 ? 0 : port || 20_000 + (process.pid % 20_000)
    const server = stack.use(
      startProgram('./pageServer.ts', [mode, database, String(FEEDS), body, String(wanted)]),
    )
    port = (await server.next<{ port: number }>()).port
    servers.push(server)
  }
  const load = async (seconds: number): Promise<Load> => {
    const args = [String(port), paths, String(CONNECTIONS), String(seconds)]
    await using client = startProgram('./loadClient.ts', args)
    return await client.next<Load>()
  }
  const cpu = async (): Promise<number> => {
    let sum = 0
    for (const server of servers) {
      server.child.kill('SIGUSR2')
      sum += (await server.next<{ cpu: number }>()).cpu
    }
    return sum
  }
  await load(warmSeconds)
  const started = stack.move()
  return {
    measure: async (seconds) => {
      const before = await cpu()
      const result = await load(seconds)
      const used = (await cpu()) - before
      if (result.errors > 0) {
        throw new Error(`${mode} answered ${result.errors} requests with an error`)
      }
      return { ...result, cpuUs: (used / (result.perSecond * seconds)) * 1e6 }
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

export function medians(loads: readonly MeasuredLoad[]): MeasuredLoad {
  const of = (value: (load: MeasuredLoad) => number): number => median(loads.map(value))
  return {
    perSecond: of(({ perSecond }) => perSecond),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    cpuUs: of(({ cpuUs }) => cpuUs),
    clientUs: of(({ clientUs }) => clientUs),
    errors: 0,
  }
}

/** 70 % first pages of 400 feeds, 25 % pages 2 to 20, 5 % pages 100 to 1,000: 1,000 different URLs. */
export function writePaths(folder: string, database: string, feeds: number = FEEDS) {
  const handle = new BetterSqlite3(database, { readonly: true })
  const place = handle.prepare<[number, number], { indexed_at: number; cid: string; uri: string }>(
    `select indexed_at, cid, uri from filter_post where filter_id = ?
     order by indexed_at desc, cid desc, uri desc limit 1 offset ?`,
  )
  const random = createRandom(11)
  const pathOf = (rank: number, page: number): string => {
    const rkey = tagName(rank)
    const base = `/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(
      `at://${PUBLISHER}/app.bsky.feed.generator/${rkey}`,
    )}&limit=50`
    const row = page === 1 ? undefined : place.get(rank + 1, (page - 1) * 50 - 1)
    return row === undefined
      ? base
      : `${base}&cursor=${encodeURIComponent(
          packCursor(
            { rkey, order: 'recent' },
            { indexedAt: row.indexed_at, cid: row.cid, uri: row.uri },
          ),
        )}`
  }
  const save = (name: string, paths: string[]): string => {
    const file = join(folder, `${name}.json`)
    writeFileSync(file, JSON.stringify(paths))
    return file
  }
  const some = (count: number, make: () => string): string[] => Array.from({ length: count }, make)
  const first = some(700, () => pathOf(random.below(feeds), 1))
  const near = some(250, () => pathOf(random.below(feeds), 2 + random.below(19)))
  const far = some(50, () => pathOf(random.below(3), 100 + random.below(901)))
  const shuffled = [...first, ...near, ...far]
    .map((path) => ({ path, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ path }) => path)
  const files = {
    mixed: save('mixed', shuffled),
    deep: save('deep', [...near, ...far]),
    first: save('first', first),
    one: save('one', [pathOf(0, 1)]),
    thousand: save('thousand', [pathOf(0, 1000)]),
    tags20: save('tags20', [pathOf(0, 1).replace(tagName(0), 'any20')]),
  }
  handle.close()
  return files
}
