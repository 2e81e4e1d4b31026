import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  readonly ofParseCpu: number
  /** The same without the first third of the frames, as `JSON.parse` is measured after a first pass. */
  readonly warmOfParseCpu: number
  readonly residentMb: number
}

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
  for (let round = 0; round < rounds; round += 1) {
    parses.push(await parseOnly(frames))
    const database = join(folder, `round-${round}.db`)
    copyFileSync(template, database)
    ingests.push(await ingestAll(frames, database))
    rmSync(database, { force: true })
  }
  rmSync(folder, { recursive: true, force: true })
  const parsePerCpu = median(parses.map(({ cpu }) => frames / cpu))
  const ingestPerCpu = median(ingests.map(({ cpu, events }) => events / cpu))
  const ofParse = (ingested: Parsed & { events: number }, round: number): number =>
    ingested.events / ingested.cpu / (frames / (parses[round]?.cpu ?? 0))
  return {
    parsePerCpu,
    parsePerSecond: median(parses.map(({ seconds }) => frames / seconds)),
    ingestPerCpu,
    ingestPerSecond: median(ingests.map(({ seconds, events }) => events / seconds)),
    ofParseCpu: median(ingests.map(ofParse)),
    warmOfParseCpu: median(ingests.map(({ warm }, round) => ofParse(warm, round))),
    residentMb: Math.max(...ingests.map(({ residentMb }) => residentMb)),
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

interface Ingested extends Parsed {
  readonly events: number
  readonly warm: Parsed & { readonly events: number }
  readonly residentMb: number
  readonly tenths: readonly number[]
}

async function parseOnly(frames: number): Promise<Parsed> {
  await using program = startProgram('./parseFrames.ts', [String(frames)])
  return await program.next<Parsed>()
}

async function ingestAll(frames: number, database: string, how = '1'): Promise<Ingested> {
  await using source = startProgram('./replayServer.ts', [String(frames), how])
  const { url } = await source.next<{ url: string }>()
  await using sink = startProgram('./ingestFrames.ts', [
    url,
    database,
    String(FEEDS),
    String(frames),
    String(Math.floor(frames / 3)),
  ])
  return await sink.next<Ingested>()
}
