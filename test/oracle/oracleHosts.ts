/** The hosts of the oracle: three Jetstream servers with the same log, each of which may fail. */
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import type { Random } from '../support/streamGenerator.ts'
import type { OracleFrame } from './oracleStream.ts'

const HOUR_US = 3_600_000_000
/** How far the clocks of the hosts are apart, if they are. */
const SKEWS_US = [0, 1_500_000, -7_000_000]
const MAX_SKEW_US = 7_000_000

export interface OracleHostsOptions {
  readonly frames: readonly OracleFrame[]
  readonly random: Random
  /** Whether each host tells the time by a clock of its own; all agree on that of the last frame. */
  readonly isSkewed: boolean
}

/** One of the hosts goes back an hour at every connection, as v2 does. */
export async function openOracleHosts(options: OracleHostsOptions): Promise<OracleHosts> {
  await using stack = new AsyncDisposableStack()
  const servers: JetstreamServer[] = []
  const v2 = {
    flavour: 'v2',
    get segmentStartUs() {
      return hosts.reachedUs - HOUR_US
    },
  } as const
  for (const flavour of [{}, v2, {}]) {
    servers.push(stack.use(await openJetstreamServer(flavour)))
  }
  const hosts = new OracleHosts(servers, options)
  stack.move()
  return hosts
}

export class OracleHosts implements AsyncDisposable {
  readonly #servers: readonly JetstreamServer[]
  readonly #frames: readonly OracleFrame[]
  readonly #random: Random
  readonly isSkewed: boolean
  #released = 0
  #reachedUs = 0
  #downHost: JetstreamServer | undefined
  #goingDown: Promise<void> = Promise.resolve()

  constructor(servers: readonly JetstreamServer[], options: OracleHostsOptions) {
    this.#servers = servers
    this.#frames = options.frames
    this.#random = options.random
    this.isSkewed = options.isSkewed
  }

  /** Frames that are still held back. */
  get left(): number {
    return this.#frames.length - this.#released
  }

  /** Where the position of a service is that has read and committed all that was released. */
  get reachedUs(): number {
    return this.isSkewed && this.left > 0 ? this.#reachedUs - MAX_SKEW_US : this.#reachedUs
  }

  /** For FEEDGEN_JETSTREAM_URLS: any of them may be the preferred one. */
  urls(): string {
    const urls = this.#servers.map(({ url }) => url)
    const first = this.#random.below(urls.length)
    return [...urls.slice(first), ...urls.slice(0, first)].join(',')
  }

  /** Gives every host the next frames. */
  release(count: number): void {
    const frames = this.#frames.slice(this.#released, this.#released + count)
    this.#released += frames.length
    for (const { reachesUs } of frames) {
      this.#reachedUs = Math.max(this.#reachedUs, reachesUs)
    }
    for (const [index, server] of this.#servers.entries()) {
      const skewUs = this.isSkewed ? (SKEWS_US[index] ?? 0) : 0
      server.appendAll(frames.map((frame) => this.#told(frame, skewUs)))
    }
  }

  /** The frame as a host tells it whose clock is wrong by so much. */
  #told(frame: OracleFrame, skewUs: number): OracleFrame {
    const { timeUs, data } = frame
    return typeof data !== 'string' || skewUs === 0 || frame === this.#frames.at(-1)
      ? frame
      : {
          ...frame,
          timeUs: timeUs + skewUs,
          data: data.replace(`"time_us":${timeUs},`, `"time_us":${timeUs + skewUs},`),
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
    for (const server of this.#servers) {
      server.accept()
      server.unstall()
      server.dropAfter(Infinity)
    }
    await this.#goingDown
    if (this.#downHost !== undefined) {
      await this.#downHost.listenAgain()
      this.#downHost = undefined
    }
  }

  #takeDown(host: JetstreamServer): void {
    if (this.#downHost === undefined) {
      this.#downHost = host
      this.#goingDown = host.stopListening()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.heal()
    for (const server of this.#servers) {
      await server[Symbol.asyncDispose]()
    }
  }
}
