import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { YOUNG_GENERATION_MB } from '../../src/ingest/ingestThread.ts'
import { benchDatabase, benchFeeds } from './database.ts'
import { median, startProgram } from './measure.ts'

export interface IngestOptions {
  readonly frames: number
  readonly rounds: number
  /** Posts in the database before. */
  readonly posts: number
}

export interface IngestResults {
  /** Frames per CPU second of `JSON.parse` of the same frames, and nothing else. */
  readonly parsePerCpu: number
  readonly parsePerSecond: number
  /** From the WebSocket to committed rows, all threads. */
  readonly ingestPerCpu: number
  readonly ingestPerSecond: number
  readonly ofParseCpu: Shares
  /** Both while the other one runs, on one core each: neither has more of the machine than the other. */
  readonly besideParseCpu: Shares
  readonly residentMb: number
}

/** Ingest as a share of what parsing does in the same CPU time. */
interface Shares {
  readonly all: number
  /** Of the first `FIRST` frames. */
  readonly first: number
  /** Of those after them: `JSON.parse` is measured after a first pass too. */
  readonly rest: number
}

const FIRST = 300_000
const FEEDS = 6

/** Measures parsing and ingest one after the other, round by round; answers the medians. */
export async function measureIngest({
  frames,
  rounds,
  posts,
}: IngestOptions): Promise<IngestResults> {
  const template = await benchDatabase(posts, benchFeeds(FEEDS))
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-bench-'))
  const parses: Parsed[] = []
  const ingests: Ingested[] = []
  const besides: Shares[] = []
  for (let round = 0; round < rounds; round += 1) {
    parses.push(await parseOnly(frames))
    // Each has a file of its own: what a program leaves in its log is not for another's file.
    const copy = (name: string): string => {
      const path = join(folder, `${name}-${round}.db`)
      copyFileSync(template, path)
      return path
    }
    ingests.push(await ingestAll(frames, copy('alone')))
    besides.push(await ingestBeside(frames, copy('beside'), round))
  }
  rmSync(folder, { recursive: true, force: true })
  const parsePerCpu = median(parses.map(({ cpu }) => frames / cpu))
  const ingestPerCpu = median(ingests.map(({ cpu, events }) => events / cpu))
  const alone = ingests.map((ingested, round) =>
    sharesOf(ingested, frames / (parses[round]?.cpu ?? 0)),
  )
  return {
    parsePerCpu,
    parsePerSecond: median(parses.map(({ seconds }) => frames / seconds)),
    ingestPerCpu,
    ingestPerSecond: median(ingests.map(({ seconds, events }) => events / seconds)),
    ofParseCpu: medianShares(alone),
    besideParseCpu: medianShares(besides),
    residentMb: Math.max(...ingests.map(({ residentMb }) => residentMb)),
  }
}

function sharesOf(ingested: Ingested, parsePerCpu: number): Shares {
  const of = ({ events, cpu }: Part): number => events / cpu / parsePerCpu
  return { all: of(ingested), first: of(ingested.first), rest: of(ingested.rest) }
}

function medianShares(shares: readonly Shares[]): Shares {
  const of = (pick: (share: Shares) => number): number => median(shares.map(pick))
  return {
    all: of(({ all }) => all),
    first: of(({ first }) => first),
    rest: of(({ rest }) => rest),
  }
}

export interface MemoryResults {
  /** Resident memory at each tenth of the stream, MiB. */
  readonly tenths: readonly number[]
  readonly residentMb: number
  readonly eventsPerSecond: number
}

/** Reads a long stream of ever new events, and watches the memory. */
export async function measureMemory(frames: number, posts: number): Promise<MemoryResults> {
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-bench-'))
  const database = join(folder, 'memory.db')
  copyFileSync(await benchDatabase(posts, benchFeeds(FEEDS)), database)
  const { tenths, residentMb, events, seconds } = await ingestAll(frames, database, 'fresh')
  rmSync(folder, { recursive: true, force: true })
  return { tenths, residentMb, eventsPerSecond: Math.round(events / seconds) }
}

interface Parsed {
  readonly cpu: number
  readonly seconds: number
}

interface Part extends Parsed {
  readonly events: number
}

interface Ingested extends Part {
  readonly first: Part
  readonly rest: Part
  readonly residentMb: number
  readonly tenths: readonly number[]
}

async function parseOnly(frames: number): Promise<Parsed> {
  await using program = startProgram('./parseFrames.ts', [String(frames)])
  return await program.next<Parsed>()
}

async function ingestBeside(frames: number, database: string, round: number): Promise<Shares> {
  await using parser = startProgram('./parseFrames.ts', [String(frames), 'beside'], {
    core: round % 2,
  })
  await parser.next()
  const ingested = await ingestAll(frames, database, '1', (round + 1) % 2)
  parser.child.kill('SIGUSR2')
  const { cpu } = await parser.next<Parsed>()
  return sharesOf(ingested, frames / cpu)
}

async function ingestAll(
  frames: number,
  database: string,
  how = '1',
  core?: number,
): Promise<Ingested> {
  await using source = startProgram('./replayServer.ts', [String(frames), how], { core })
  const { url } = await source.next<{ url: string }>()
  const args = [url, database, String(FEEDS), String(frames), String(FIRST)]
  // As large as its thread in the service lets it be: a third of the young generation.
  const nodeArguments = [`--max-semi-space-size=${YOUNG_GENERATION_MB / 3}`]
  await using sink = startProgram('./ingestFrames.ts', args, { nodeArguments, core })
  return await sink.next<Ingested>()
}
