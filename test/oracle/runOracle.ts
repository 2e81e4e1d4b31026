/**
 * One run of the oracle: a service that is killed again and again while it reads a seeded stream from
 * hosts that fail, by clocks that are wrong, must in the end serve what the model says, and nothing
 * else.
 */
import { temporaryFolder } from '../support/databases.ts'
import type { Health } from '../support/runApp.ts'
import { createRandom } from '../support/streamGenerator.ts'
import { bundleService } from './bundleService.ts'
import type { Programs } from './bundleService.ts'
import { compareCounts } from './compareCounts.ts'
import type { Home } from './compareCounts.ts'
import { compareFeeds } from './compareFeeds.ts'
import { OracleClock } from './oracleClock.ts'
import { FEEDS } from './oracleFeeds.ts'
import { openOracleHosts } from './oracleHosts.ts'
import { OracleLives, deathsOf } from './oracleLives.ts'
import type { Deaths } from './oracleLives.ts'
import { OracleModel } from './oracleModel.ts'
import { SPAN_US, createOracleStream } from './oracleStream.ts'
import { describeWorld, worldOf } from './oracleWorld.ts'
import type { WorldChoice } from './oracleWorld.ts'

export const DEFAULT_EVENTS = 8_000

export interface OracleOptions {
  readonly seed: number
  /** Default `DEFAULT_EVENTS`. */
  readonly events?: number
  /** What of the world is not by the seed. */
  readonly world?: WorldChoice
  /** An empty database; one of the engine of the tests when left out. */
  readonly databaseUrl?: string
  /** Made for this run when left out. */
  readonly programs?: Programs
}

export interface OracleOutcome {
  readonly seed: number
  /** In which world it ran, in words. */
  readonly world: string
  readonly frames: number
  readonly kills: Deaths
  /** Places in all feeds together. */
  readonly places: number
  readonly seconds: number
  /** The first thing that is not as the model says. */
  readonly difference: string | undefined
}

export async function runOracle(options: OracleOptions): Promise<OracleOutcome> {
  if (options.programs === undefined) {
    using programs = bundleService()
    return await runOracle({ ...options, programs })
  }
  const { seed, events = DEFAULT_EVENTS, databaseUrl, programs } = options
  const startedAt = performance.now()
  const world = worldOf(seed, options.world)
  const endUs = Date.now() * 1000
  const frames = createOracleStream({ seed, events, endUs, world })
  const model = new OracleModel(endUs, FEEDS).fold(frames)
  const random = createRandom(seed + 1_000_000)
  using folder = temporaryFolder()
  const home: Home = {
    folder: folder.path,
    env: { ...(databaseUrl !== undefined && { FEEDGEN_DATABASE_URL: databaseUrl }) },
    programs,
  }
  using clock = new OracleClock(folder.path, endUs - SPAN_US)
  await using hosts = await openOracleHosts({ frames, random, world, clock })
  const lives = new OracleLives({ random, hosts, home, world })
  const kills = deathsOf(world)
  const live = async (): Promise<string | undefined> => {
    await lives.spend(kills)
    await using app = await lives.survive()
    const difference = joined(
      ...lives.faults,
      await compareFeeds(app, { model, frames, random }),
      await compareCounts({ model, frames, home }),
      differenceOfHealth(await app.health(), hosts.reachedUs),
    )
    const code = await app.stop()
    return difference ?? (code === 0 ? undefined : `it has ended with code ${code}`)
  }
  const difference = await live().catch((error: unknown) =>
    joined(...lives.faults, `the run has failed: ${describeError(error)}`),
  )
  return {
    seed,
    world: describeWorld(world),
    frames: frames.length,
    kills,
    places: FEEDS.reduce((sum, feed) => sum + model.members(feed).length, 0),
    seconds: (performance.now() - startedAt) / 1000,
    difference,
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? String(error.stack) : String(error)
}

function joined(...differences: (string | undefined)[]): string | undefined {
  return differences.filter((difference) => difference !== undefined).join('\n') || undefined
}

const MINUTE_MS = 60_000

function differenceOfHealth({ ingest }: Health, reachedUs: number): string | undefined {
  const { positionUs, rejectedTotal, eventsTotal, lagMs, host } = ingest
  // The survivor has read the last frames at least, and bad ones are among them.
  const isCounted = rejectedTotal > 0 && eventsTotal > rejectedTotal
  const isLate = lagMs === null || lagMs >= MINUTE_MS
  const isPlaced = positionUs === reachedUs && !isLate && host !== null
  return isCounted && isPlaced
    ? undefined
    : `_health is odd: ${JSON.stringify(ingest)}, expected ${reachedUs}`
}
