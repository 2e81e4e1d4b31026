/**
 * The lives of the service in a run, one after the other: each reads a part of the stream, over hosts
 * that fail, and is killed. The last one is not.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { runApp } from '../support/runApp.ts'
import type { RunOptions, RunningApp } from '../support/runApp.ts'
import type { Random } from '../support/streamGenerator.ts'
import { until } from '../support/until.ts'
import type { Home } from './compareCounts.ts'
import { dyingBeforeCommit } from './killBeforeCommit.ts'
import { EARLY_FEEDS, FEEDS, feedsFile } from './oracleFeeds.ts'
import type { OracleHosts } from './oracleHosts.ts'
import { mostSkewUs } from './oracleWorld.ts'
import type { OracleWorld } from './oracleWorld.ts'

const SECOND_US = 1_000_000
const DAY_US = 24 * 3_600 * SECOND_US

/**
 * When a service dies: while it starts or reads, when it has read all, between rows and commit, or
 * some time after its clock has been wrong.
 */
type Death = 'start' | 'reading' | 'idle' | 'commit' | 'clock'
export type Deaths = Readonly<Record<Death, number>>

export const deathsOf = ({ clock }: OracleWorld): Deaths => ({
  start: 2,
  reading: 3,
  idle: 2,
  commit: 5,
  clock: clock === 'right' ? 0 : 2,
})

/** The last frames are for the service that lives, the first lives have only some of the feeds. */
const TAIL = 400
const EARLY_LIVES = 5
/** A machine on which several seeds run is busy. */
const START_MS = 120_000
const OUTAGE_US = { least: 5 * SECOND_US, most: 60 * SECOND_US }

/** How far our clock is ahead; and behind, far enough that no frame seems on time. */
const AHEAD_US = [8 * SECOND_US, 90 * SECOND_US, 600 * SECOND_US, 4 * DAY_US, 40 * DAY_US]
/** Longer than anything is kept: each run that has a clock ahead has this once. */
const FAR_AHEAD_US = 40 * DAY_US
const BEHIND_US = [0, 60 * SECOND_US, 3_600 * SECOND_US, 5 * 365 * DAY_US, 56.8 * 365 * DAY_US]
/** Longer than the service waits before it looks again for what is old, and more than it takes steps. */
const REST_US = 6 * 60 * SECOND_US
const STEPS = 14
const LEAST_BEHIND_US = 180 * SECOND_US
/** So many events in a row that are ahead decide that it is our clock that is wrong, and some more. */
const DECIDING = 45

export interface LivesOptions {
  readonly random: Random
  readonly hosts: OracleHosts
  readonly home: Home
  readonly world: OracleWorld
}

export class OracleLives {
  readonly #random: Random
  readonly #hosts: OracleHosts
  readonly #home: Home
  readonly #world: OracleWorld
  #life = 0
  #wasFarAhead = false
  /** What was wrong with a service that has been killed since. */
  readonly faults: string[] = []

  constructor({ random, hosts, home, world }: LivesOptions) {
    this.#random = random
    this.#hosts = hosts
    this.#home = home
    this.#world = world
  }

  /** All but the last. */
  async spend(deaths: Deaths): Promise<void> {
    const left = (Object.keys(deaths) as Death[]).flatMap((death) =>
      Array.from({ length: deaths[death] }, () => death),
    )
    const die: Record<Death, (frames: number) => Promise<void>> = {
      start: (frames) => this.#dieAtStart(frames),
      reading: (frames) => this.#dieReading(frames),
      idle: (frames) => this.#dieIdle(frames),
      commit: (frames) => this.#dieBeforeCommit(frames),
      clock: (frames) => this.#dieOfClock(frames),
    }
    while (left.length > 0) {
      const share = (this.#hosts.left - TAIL) / left.length
      const [death] = left.splice(this.#random.below(left.length), 1)
      await this.#hosts.heal()
      this.#life += 1
      await die[death ?? 'start'](Math.round(share * (0.4 + this.#random.next())))
      // The stream goes on while there is nobody to read it.
      this.#hosts.releaseFor(this.#random.below(OUTAGE_US.most), TAIL)
    }
  }

  /** The service that is not killed reads to the end, over connections that break. */
  async survive(): Promise<RunningApp> {
    await this.#hosts.heal()
    this.#life = Infinity
    const app = await this.#start({})
    for (let piece = 4; piece > 0; piece -= 1) {
      this.#hosts.release(Math.ceil(this.#hosts.left / (piece + 1)), 1)
      await delay(this.#random.below(100))
      if (piece % 2 === 0) {
        await this.#outage(1)
      } else {
        this.#hosts.cut()
      }
    }
    this.#hosts.release(this.#hosts.left)
    await app.untilCommitted(this.#hosts.reachedUs, START_MS)
    return app
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
    if (this.#random.chance(0.5)) {
      await this.#outage(TAIL)
      await this.#trickle()
    }
    kill.abort()
    await app.exited
  }

  async #dieIdle(frames: number): Promise<void> {
    const kill = new AbortController()
    const app = await this.#start({ killed: kill.signal })
    await this.#feed(app, frames)
    await this.#outage(TAIL)
    await app.untilCommitted(this.#hosts.reachedUs, START_MS)
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
    const preload = this.#home.programs.url('test/oracle/killBeforeCommit.ts')
    const dying = dyingBeforeCommit(thread, commit, { mark, preload })
    const app = await this.#start(dying).catch((error) => {
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

  /**
   * The clock becomes wrong while the service runs or before it starts, and right likewise. It is told
   * only when all is read that was sent before, since the first frames after a clock was set back
   * count as of then: nobody could know better.
   */
  async #dieOfClock(frames: number): Promise<void> {
    const { clock } = this.#hosts
    let kill = new AbortController()
    let app = await this.#start({ killed: kill.signal })
    const end = async (): Promise<void> => {
      kill.abort()
      await app.exited
    }
    await this.#feed(app, frames / 3)
    await this.#untilQuiet(app)
    const isStarted = this.#random.chance(0.5)
    if (isStarted) {
      await end()
    }
    const isAhead = this.#world.clock === 'ahead'
    const leastUs = LEAST_BEHIND_US + mostSkewUs(this.#world)
    const faultUs = isAhead ? this.#pickAhead() : -leastUs - this.#random.pick(BEHIND_US)
    clock.faultUs = faultUs
    if (isStarted) {
      kill = new AbortController()
      app = await this.#start({ killed: kill.signal })
    }
    await (isAhead ? this.#readAhead(app, frames / 3, faultUs) : this.#standStill(app))
    if (this.#random.chance(0.5)) {
      await end()
      clock.faultUs = 0
      return
    }
    clock.faultUs = 0
    await this.#feed(app, frames / 3)
    await this.#untilQuiet(app)
    await end()
  }

  #pickAhead(): number {
    const isFirst = !this.#wasFarAhead
    this.#wasFarAhead = true
    return isFirst ? FAR_AHEAD_US : this.#random.pick(AHEAD_US)
  }

  /**
   * What is done now and then is done between batches, one step after each, and then has a rest of
   * minutes: so there are batches, and the clock leaps over the rest.
   */
  async #readAhead(app: RunningApp, frames: number, faultUs: number): Promise<void> {
    await this.#feed(app, frames)
    await this.#untilQuiet(app)
    for (let step = 1; step <= STEPS; step += 1) {
      this.#hosts.clock.faultUs = faultUs + step * REST_US
      this.#hosts.fill(1)
      await delay(150)
    }
  }

  /** Nothing is stored while our clock is behind, and the service says so. */
  async #standStill(app: RunningApp): Promise<void> {
    this.#hosts.fill(DECIDING)
    await delay(700)
    const { positionUs } = (await app.health()).ingest
    for (let piece = 0; piece < 3; piece += 1) {
      this.#hosts.releaseFor(this.#random.below(12 * SECOND_US), TAIL)
      await delay(200)
    }
    const isUnready = async (): Promise<boolean> => (await app.get('/ready')).status === 503
    if (!(await until(isUnready).catch(() => false))) {
      const { ingest } = await app.health()
      const said = app.logs.slice(-12).map(({ msg }) => `  ${String(msg)}`)
      this.faults.push(
        [`/ready says yes with a clock behind: ${JSON.stringify(ingest)}`, ...said].join('\n'),
      )
    }
    await delay(300)
    const after = (await app.health()).ingest.positionUs
    if (after !== positionUs) {
      this.faults.push(`the position moves with a clock behind: ${positionUs} to ${after}`)
    }
  }

  /** All that was sent is read: nothing more comes for a while. */
  async #untilQuiet(app: RunningApp): Promise<void> {
    await this.#hosts.heal()
    await app.untilCommitted(this.#hosts.reachedUs, START_MS)
    let [before, sinceMs] = [-1, performance.now()]
    await until(async () => {
      const { connected, eventsTotal } = (await app.health()).ingest
      if (!connected || eventsTotal !== before) {
        before = eventsTotal
        sinceMs = performance.now()
      }
      return performance.now() - sinceMs > 500
    })
  }

  #start({ env, nodeOptions = [], ...options }: RunOptions): Promise<RunningApp> {
    const { programs, folder } = this.#home
    const clock = this.#hosts.clock.options(programs.url('test/support/shiftedClock.ts'))
    return runApp({
      program: programs.path('src/main.ts'),
      startMs: START_MS,
      onOutput: (text) => this.#listen(text),
      feeds: feedsFile(this.#life > EARLY_LIVES ? FEEDS : EARLY_FEEDS),
      folder,
      nodeOptions: [...(clock.nodeOptions ?? []), ...nodeOptions],
      env: {
        FEEDGEN_JETSTREAM_URLS: this.#hosts.urls(),
        FEEDGEN_JETSTREAM_IDLE_SECONDS: '1',
        // Nobody is asked outside of this machine.
        FEEDGEN_PLC_URL: 'http://127.0.0.1:9',
        ...programs.env,
        ...clock.env,
        ...this.#home.env,
        ...env,
      },
      ...options,
    })
  }

  /** Nothing of the stream is such that a database refuses it: what is dropped is lost. */
  #listen(text: string): void {
    this.faults.push(...text.split('\n').filter((line) => line.includes('"operationRefused"')))
  }

  /** Some frames at a time, at instants that nobody has planned, and a fault now and then. */
  async #feed(app: RunningApp, frames: number, isOver = () => false): Promise<void> {
    if (mostSkewUs(this.#world) > 0 && this.#random.chance(0.2)) {
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
    await this.#trickle()
  }

  /** As the stream comes when nothing is the matter: each frame soon after its moment. */
  async #trickle(): Promise<void> {
    for (let piece = 0; piece < 4; piece += 1) {
      this.#release(1 + this.#random.below(8))
      await delay(this.#random.below(60))
    }
  }

  /** No host tells anything for a while, and what it has to tell then is there by the cursor alone. */
  async #outage(reserve: number): Promise<void> {
    await this.#hosts.heal()
    await this.#trickle()
    await delay(this.#random.below(400))
    if (this.#world.hasAhead && this.#random.chance(0.6)) {
      await this.#getAhead()
    }
    const isSilent = this.#hosts.failAll()
    const { least, most } = OUTAGE_US
    this.#hosts.releaseFor(least + this.#random.below(most - least), reserve)
    await delay(isSilent ? 1_100 + this.#random.below(700) : this.#random.below(500))
    await this.#hosts.heal()
  }

  /** A frame that is ahead is the last of its batch: nothing in it shows that others come before it. */
  async #getAhead(): Promise<void> {
    await delay(150)
    this.#hosts.getAhead()
    await delay(200 + this.#random.below(200))
    if (this.#random.chance(0.5)) {
      await this.#trickle()
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
    this.#hosts.release(Math.round(frames), TAIL)
  }
}
