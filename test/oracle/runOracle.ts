/**
 * One run of the oracle: a service that is killed again and again while it reads a seeded stream from
 * hosts that fail must in the end serve what the model says, and nothing else.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { temporaryFolder } from '../support/databases.ts'
import { runApp } from '../support/runApp.ts'
import type { Health, RunOptions, RunningApp } from '../support/runApp.ts'
import { createRandom } from '../support/streamGenerator.ts'
import type { Random } from '../support/streamGenerator.ts'
import { until } from '../support/until.ts'
import { compareCounts } from './compareCounts.ts'
import type { Home } from './compareCounts.ts'
import { compareFeeds } from './compareFeeds.ts'
import { dyingBeforeCommit } from './killBeforeCommit.ts'
import { EARLY_FEEDS, FEEDS, feedsFile } from './oracleFeeds.ts'
import { openOracleHosts } from './oracleHosts.ts'
import type { OracleHosts } from './oracleHosts.ts'
import { OracleModel } from './oracleModel.ts'
import { createOracleStream } from './oracleStream.ts'

export interface OracleOptions {
  readonly seed: number
  /** Default 20,000. */
  readonly events?: number
  /** An empty database; one of the engine of the tests when left out. */
  readonly databaseUrl?: string
}

export interface OracleOutcome {
  readonly seed: number
  readonly frames: number
  readonly kills: Readonly<Record<Death, number>>
  /** Places in all feeds together. */
  readonly places: number
  readonly seconds: number
  /** The first thing that is not as the model says. */
  readonly difference: string | undefined
}

/** When a service dies: while it starts or reads, when it has read all, or between rows and commit. */
type Death = 'start' | 'reading' | 'idle' | 'commit'
const DEATHS: Readonly<Record<Death, number>> = { start: 4, reading: 7, idle: 3, commit: 8 }

const MINUTE_US = 60_000_000
/** The last frames are for the service that lives, the first lives have only some of the feeds. */
const TAIL = 500
const EARLY_LIVES = 8

export async function runOracle(options: OracleOptions): Promise<OracleOutcome> {
  const { seed, events = 20_000, databaseUrl } = options
  const startedAt = performance.now()
  const nowUs = Date.now() * 1000
  const endUs = nowUs - MINUTE_US
  // Either the hosts agree on when things happened, or the posts say it themselves.
  const isSkewed = seed % 2 === 0
  const frames = createOracleStream({ seed, events, endUs, isDecided: isSkewed })
  const model = new OracleModel(nowUs, FEEDS).fold(frames)
  const random = createRandom(seed + 1_000_000)
  using folder = temporaryFolder()
  const home: Home = {
    folder: folder.path,
    env: { ...(databaseUrl !== undefined && { FEEDGEN_DATABASE_URL: databaseUrl }) },
  }
  await using hosts = await openOracleHosts({ frames, random, isSkewed })
  await new Killer(random, hosts, home).run()
  await using app = await survive(random, hosts, home)
  const difference =
    joined(
      await compareFeeds(app, { model, frames, random }),
      await compareCounts({ model, frames, home }),
    ) ?? differenceOfHealth(await app.health(), hosts.reachedUs)
  const code = await app.stop()
  return {
    seed,
    frames: frames.length,
    kills: DEATHS,
    places: FEEDS.reduce((sum, feed) => sum + model.members(feed).length, 0),
    seconds: (performance.now() - startedAt) / 1000,
    difference: difference ?? (code === 0 ? undefined : `it has ended with code ${code}`),
  }
}

function joined(...differences: (string | undefined)[]): string | undefined {
  return differences.filter((difference) => difference !== undefined).join('\n') || undefined
}

function differenceOfHealth({ ingest }: Health, reachedUs: number): string | undefined {
  const { positionUs, rejectedTotal, eventsTotal, lagMs, host } = ingest
  // The survivor has read the last frames at least, and bad ones are among them.
  const isCounted = rejectedTotal > 0 && eventsTotal > rejectedTotal
  const isPlaced = positionUs === reachedUs && (lagMs ?? 0) >= MINUTE_US / 1000 && host !== null
  return isCounted && isPlaced ? undefined : `_health is odd: ${JSON.stringify(ingest)}`
}

function start(
  hosts: OracleHosts,
  home: Home,
  { env, ...options }: RunOptions,
): Promise<RunningApp> {
  const urls = hosts.urls()
  const own = { FEEDGEN_JETSTREAM_URLS: urls, FEEDGEN_JETSTREAM_IDLE_SECONDS: '1' }
  return runApp({ ...options, folder: home.folder, env: { ...own, ...home.env, ...env } })
}

/** The service that is not killed reads to the end, over connections that break. */
async function survive(random: Random, hosts: OracleHosts, home: Home): Promise<RunningApp> {
  await hosts.heal()
  const app = await start(hosts, home, { feeds: feedsFile(FEEDS) })
  for (let piece = 4; piece > 0; piece -= 1) {
    hosts.release(Math.ceil(hosts.left / piece))
    await delay(random.below(100))
    hosts.cut()
  }
  await app.untilCommitted(hosts.reachedUs)
  return app
}

class Killer {
  readonly #random: Random
  readonly #hosts: OracleHosts
  readonly #home: Home
  #life = 0

  constructor(random: Random, hosts: OracleHosts, home: Home) {
    this.#random = random
    this.#hosts = hosts
    this.#home = home
  }

  async run(): Promise<void> {
    const left = (Object.keys(DEATHS) as Death[]).flatMap((death) =>
      Array.from({ length: DEATHS[death] }, () => death),
    )
    const die = {
      start: (frames: number) => this.#dieAtStart(frames),
      reading: (frames: number) => this.#dieReading(frames),
      idle: (frames: number) => this.#dieIdle(frames),
      commit: (frames: number) => this.#dieBeforeCommit(frames),
    }
    while (left.length > 0) {
      const share = (this.#hosts.left - TAIL) / left.length
      const [death] = left.splice(this.#random.below(left.length), 1)
      await this.#hosts.heal()
      this.#life += 1
      await die[death ?? 'start'](Math.round(share * (0.5 + this.#random.next())))
    }
  }

  /** Mostly before it listens: while it migrates, makes feeds ready, connects. */
  async #dieAtStart(frames: number): Promise<void> {
    this.#release(frames)
    const killed = AbortSignal.timeout(this.#random.below(700))
    try {
      const app = await this.#start({ killed })
      await app.exited
    } catch (error) {
      if (!killed.aborted) {
        throw error
      }
    }
  }

  async #dieReading(frames: number): Promise<void> {
    const kill = new AbortController()
    const app = await this.#start({ killed: kill.signal })
    await this.#feed(app, frames)
    kill.abort()
    await app.exited
  }

  async #dieIdle(frames: number): Promise<void> {
    const kill = new AbortController()
    const app = await this.#start({ killed: kill.signal })
    await this.#feed(app, frames)
    await app.untilCommitted(this.#hosts.reachedUs)
    await delay(this.#random.below(150))
    kill.abort()
    await app.exited
  }

  async #dieBeforeCommit(frames: number): Promise<void> {
    const mark = join(this.#home.folder, `died${this.#life}`)
    const thread = this.#random.chance(0.2) ? 'rankings' : 'ingest'
    // The first commit of ingest is its claim to be the one that stores: no rows are in it.
    const commit = 1 + this.#random.below(5) + (thread === 'ingest' ? 1 : 0)
    const isDead = (): boolean => existsSync(mark)
    const app = await this.#start(dyingBeforeCommit(thread, commit, mark)).catch((error) => {
      if (!isDead()) {
        throw error
      }
    })
    // Dead before it listened: what former lives had left was enough.
    if (app === undefined) {
      return
    }
    await this.#feed(app, frames, isDead)
    // A batch for each of the commits that are still missing, and what it changes is ranked.
    await until(async () => {
      this.#release(1)
      await delay(this.#random.below(120))
      return isDead()
    })
    await app.exited
  }

  #start(options: RunOptions): Promise<RunningApp> {
    const feeds = feedsFile(this.#life > EARLY_LIVES ? FEEDS : EARLY_FEEDS)
    return start(this.#hosts, this.#home, { feeds, ...options })
  }

  /** Some frames at a time, at instants that nobody has planned, and a fault now and then. */
  async #feed(app: RunningApp, frames: number, isOver = () => false): Promise<void> {
    if (this.#hosts.isSkewed && this.#random.chance(0.12)) {
      await this.#changeHost(app)
    }
    const pieces = 2 + this.#random.below(4)
    const faultAt = this.#random.below(pieces * 2)
    for (let piece = 0; piece < pieces && !isOver(); piece += 1) {
      this.#release(Math.ceil(frames / pieces))
      if (piece === faultAt) {
        this.#hosts.fail()
      }
      await delay(this.#random.below(120))
    }
  }

  /** The host falls silent, and the next one breaks off just before it has more to tell. */
  async #changeHost(app: RunningApp): Promise<void> {
    let first: string | null = null
    const hasChanged = async (): Promise<boolean> => {
      const { host } = (await app.health()).ingest
      first ??= host
      return host !== first
    }
    // A service that dies meanwhile does not answer.
    await Promise.race([until(hasChanged).catch(() => {}), app.exited])
    await delay(200 + this.#random.below(500))
    this.#hosts.cut()
  }

  #release(frames: number): void {
    this.#hosts.release(Math.max(0, Math.min(frames, this.#hosts.left - TAIL)))
  }
}
