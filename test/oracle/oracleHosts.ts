/**
 * The hosts of the oracle: three Jetstream servers with the same log, each of which may fail, each
 * with a clock of its own.
 */
import { identityEvent } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import type { Random } from '../support/streamGenerator.ts'
import type { OracleClock } from './oracleClock.ts'
import { accountOf } from './oracleFeeds.ts'
import { MAX_AHEAD_US } from './oracleStream.ts'
import type { OracleFrame } from './oracleStream.ts'
import { mostSkewUs } from './oracleWorld.ts'
import type { OracleWorld } from './oracleWorld.ts'

/** How far back the segment begins that v2 starts from: up to an hour, as it happens. */
const SEGMENT_US = 20 * 60 * 1_000_000

export interface OracleHostsOptions {
  readonly frames: readonly OracleFrame[]
  readonly random: Random
  readonly world: OracleWorld
  readonly clock: OracleClock
}

/** All hosts agree on the time of the last frame. */
export async function openOracleHosts(options: OracleHostsOptions): Promise<OracleHosts> {
  const { world, clock } = options
  await using stack = new AsyncDisposableStack()
  const servers: JetstreamServer[] = []
  for (const [index, skewUs] of world.skewsUs.entries()) {
    const nowUs = (): number => clock.nowUs + skewUs
    const v2 = {
      flavour: 'v2',
      get segmentStartUs() {
        return nowUs() - SEGMENT_US
      },
    } as const
    const isV2 = world.hasV2 && index === 1
    servers.push(stack.use(await openJetstreamServer(isV2 ? { ...v2, nowUs } : { nowUs })))
  }
  const hosts = new OracleHosts(servers, options)
  stack.move()
  return hosts
}

export class OracleHosts implements AsyncDisposable {
  readonly #servers: readonly JetstreamServer[]
  readonly #frames: readonly OracleFrame[]
  readonly #random: Random
  readonly #world: OracleWorld
  readonly clock: OracleClock
  #released = 0
  #reachedUs = 0
  #downHosts: JetstreamServer[] = []
  #goingDown: Promise<void>[] = []

  constructor(servers: readonly JetstreamServer[], options: OracleHostsOptions) {
    this.#servers = servers
    this.#frames = options.frames
    this.#random = options.random
    this.#world = options.world
    this.clock = options.clock
  }

  /** Frames that are still held back. */
  get left(): number {
    return this.#frames.length - this.#released
  }

  /** Where the position of a service is at least that has read and committed all that was released. */
  get reachedUs(): number {
    return this.left > 0 ? this.#reachedUs - mostSkewUs(this.#world) : this.#reachedUs
  }

  /** For FEEDGEN_JETSTREAM_URLS: any of them may be the preferred one. */
  urls(): string {
    const urls = this.#servers.map(({ url }) => url)
    const first = this.#random.below(urls.length)
    return [...urls.slice(first), ...urls.slice(0, first)].join(',')
  }

  /**
   * Gives every host the next frames, and what is sent until then or until now; `reserve` of all are
   * kept back. The clock is set first: no frame is there before its moment.
   */
  release(count: number, reserve = 0): void {
    const most = Math.max(this.#released, this.#frames.length - reserve)
    const least = Math.min(most, this.#released + count)
    for (const { timeUs } of this.#frames.slice(this.#released, least)) {
      this.clock.advanceTo(timeUs)
    }
    this.#appendUntil(this.clock.nowUs, least, most)
  }

  /** The same for what is sent within so long a time. */
  releaseFor(durationUs: number, reserve = 0): void {
    const most = Math.max(this.#released, this.#frames.length - reserve)
    // The stream stands still where nothing of it may be told yet.
    if (most > this.#released) {
      this.clock.advanceTo(this.clock.nowUs + durationUs)
      this.#appendUntil(this.clock.nowUs, this.#released, most)
    }
  }

  #appendUntil(nowUs: number, least: number, most: number): void {
    let end = least
    while (end < most && (this.#frames[end]?.timeUs ?? Infinity) <= nowUs) {
      end += 1
    }
    const frames = this.#frames.slice(this.#released, end)
    this.#released = end
    for (const { reachesUs } of frames) {
      this.#reachedUs = Math.max(this.#reachedUs, reachesUs)
    }
    this.#tell(frames)
  }

  /** Frames of this moment that change nothing. */
  fill(count: number): void {
    const timeUs = this.clock.nowUs
    const event = identityEvent({ timeUs, did: accountOf(0) })
    const frame = { timeUs, toldUs: timeUs, data: JSON.stringify(event), reachesUs: 0 }
    this.#tell(Array.from({ length: count }, () => frame))
  }

  /** One frame of this moment, good or bad, that says it happens up to 90 s later. It changes nothing. */
  getAhead(): void {
    const timeUs = this.clock.nowUs
    const toldUs = timeUs + this.#random.below(MAX_AHEAD_US)
    const event = identityEvent({ timeUs: toldUs, did: accountOf(0) })
    const bad = { ...event, kind: 'account', account: {} }
    const data = JSON.stringify(this.#random.chance(0.5) ? event : bad)
    this.#tell([{ timeUs, toldUs, data, reachesUs: 0 }])
  }

  #tell(frames: readonly OracleFrame[]): void {
    const last = this.#frames.at(-1)
    for (const [index, server] of this.#servers.entries()) {
      const skewUs = this.#world.skewsUs[index] ?? 0
      server.appendAll(frames.map((frame) => (frame === last ? frame : this.#told(frame, skewUs))))
    }
  }

  /** The frame as a host tells it whose clock is wrong by about so much. */
  #told(frame: OracleFrame, skewUs: number): OracleFrame {
    const { timeUs, toldUs, data } = frame
    const jitterUs = this.#random.below(2 * this.#world.jitterUs + 1) - this.#world.jitterUs
    const aheadUs = skewUs + jitterUs
    const isTold = toldUs > 0 && typeof data === 'string'
    return {
      ...frame,
      timeUs: timeUs + aheadUs,
      data: isTold ? data.replace(`"time_us":${toldUs},`, `"time_us":${toldUs + aheadUs},`) : data,
    }
  }

  /** One of the hosts has one of the faults that hosts have, until `heal`. */
  fail(): void {
    const host = this.#random.pick(this.#servers)
    const faults: (() => void)[] = [
      () => this.cut(),
      () => this.cut(),
      () => host.refuse(this.#random.pick([503, 400, 429])),
      () => host.stall(),
      () => host.dropAfter(1 + this.#random.below(300)),
      () => this.#takeDown(host),
    ]
    this.#random.pick(faults)()
  }

  /** All hosts fail, until `heal`; returns whether that is by silence, which is noticed later. */
  failAll(): boolean {
    const faults: ((host: JetstreamServer) => void)[] = [
      (host) => host.refuse(this.#random.pick([503, 400, 429])),
      (host) => host.stall(),
      (host) => this.#takeDown(host),
    ]
    const fault = this.#random.below(faults.length)
    this.#servers.forEach((host) => faults[fault]?.(host))
    if (fault === 0) {
      this.cut()
    }
    return fault === 1
  }

  /** Ends every connection, with or without a word. */
  cut(): void {
    const code = this.#random.pick([1000, 1001, 1011, 1012, 4000])
    const how = this.#random.chance(0.5) ? ({ abruptly: true } as const) : { code }
    for (const server of this.#servers) {
      // A client that is killed meanwhile says no good-bye, and none is waited for.
      server.disconnectAll(how).catch(() => {})
    }
  }

  async heal(): Promise<void> {
    await Promise.all(this.#goingDown)
    for (const host of this.#downHosts) {
      await host.listenAgain()
    }
    this.#goingDown = []
    this.#downHosts = []
    for (const server of this.#servers) {
      server.accept()
      server.unstall()
      server.dropAfter(Infinity)
    }
  }

  #takeDown(host: JetstreamServer): void {
    if (!this.#downHosts.includes(host)) {
      this.#downHosts.push(host)
      this.#goingDown.push(host.stopListening())
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.heal()
    for (const server of this.#servers) {
      await server[Symbol.asyncDispose]()
    }
  }
}
