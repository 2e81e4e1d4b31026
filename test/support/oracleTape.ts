import { compareFeeds } from '../oracle/compareFeeds.ts'
import { FEEDS, accountOf, feedsFile } from '../oracle/oracleFeeds.ts'
import type { OracleFeed } from '../oracle/oracleFeeds.ts'
import { OracleModel } from '../oracle/oracleModel.ts'
import { createOracleStream } from '../oracle/oracleStream.ts'
import type { OracleFrame } from '../oracle/oracleStream.ts'
import { RIGHT_WORLD } from '../oracle/oracleWorld.ts'
import { createPost } from './events.ts'
import { openJetstreamServer } from './jetstreamServer.ts'
import type { JetstreamServer } from './jetstreamServer.ts'
import type { RunningApp } from './runApp.ts'
import { createRandom } from './streamGenerator.ts'

const MINUTE_US = 60_000_000
const nowUs = (): number => Date.now() * 1000

/** The stream of the oracle on one Jetstream, told bit by bit, and what feeds must then be. */
export class OracleTape implements AsyncDisposable {
  /** For the services that read it. */
  readonly feeds = feedsFile(FEEDS)
  readonly #seed: number
  readonly #server: JetstreamServer
  readonly #frames: OracleFrame[]
  #sent = 0

  static async open(seed: number, events: number): Promise<OracleTape> {
    return new OracleTape(seed, events, await openJetstreamServer())
  }

  private constructor(seed: number, events: number, server: JetstreamServer) {
    const endUs = nowUs() - MINUTE_US
    this.#seed = seed
    this.#server = server
    this.#frames = createOracleStream({ seed, events, endUs, world: RIGHT_WORLD })
  }

  get url(): string {
    return this.#server.url
  }

  get left(): number {
    return this.#frames.length - this.#sent
  }

  /** Where the position of a service is that has committed all that was sent. */
  get reachedUs(): number {
    return Math.max(...this.#frames.slice(0, this.#sent).map(({ reachesUs }) => reachesUs))
  }

  send(count: number): void {
    const frames = this.#frames.slice(this.#sent, this.#sent + count)
    this.#sent += frames.length
    this.#server.appendAll(frames)
  }

  /** All that is left, and a post of this moment, which makes services ready. */
  sendLast(): void {
    this.send(this.left)
    const timeUs = nowUs()
    const event = createPost({ timeUs, did: accountOf(1), tags: ['art'] })
    this.#frames.push({ timeUs, toldUs: timeUs, data: JSON.stringify(event), reachesUs: timeUs })
    this.send(1)
  }

  /** What a feed must be, the newest first. */
  members(feed: OracleFeed): string[] {
    return this.#model().members(feed)
  }

  /** The first difference between what a service serves and what was sent; undefined if there is none. */
  async difference(app: RunningApp): Promise<string | undefined> {
    const frames = this.#frames.slice(0, this.#sent)
    const random = createRandom(this.#seed)
    return await compareFeeds(app, { model: this.#model(), frames, random })
  }

  #model(): OracleModel {
    return new OracleModel(nowUs(), FEEDS).fold(this.#frames.slice(0, this.#sent))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
  }
}
