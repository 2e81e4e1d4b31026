import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import {
  accountEvent,
  createPost,
  deletePost,
  did,
  follow,
  identityEvent,
  like,
  refTo,
} from './events.ts'
import type { JetstreamEvent } from './events.ts'
import { openJetstreamServer } from './jetstreamServer.ts'
import type { Frame } from './jetstreamServer.ts'

export const START_US = Date.UTC(2026, 6, 4) * 1000

/** A WebSocket that keeps what it got. */
class Client implements AsyncDisposable {
  readonly socket: WebSocket
  readonly frames: Buffer[] = []
  readonly binaryFrames: Buffer[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  #check = (): void => {}

  constructor(url: string) {
    this.socket = new WebSocket(url)
    this.socket.on('message', (data, isBinary) => {
      ;(isBinary ? this.binaryFrames : this.frames).push(data as Buffer)
      this.#check()
    })
    this.closed = new Promise((resolve) => {
      this.socket.on('error', () => {})
      this.socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  }

  get texts(): string[] {
    return this.frames.map(String)
  }

  /** The `time_us` of every JSON frame so far: in these tests that names the event. */
  get times(): number[] {
    return this.texts.map((text) => (JSON.parse(text) as JetstreamEvent).time_us - START_US)
  }

  /** Resolves with the first `count` text frames' times, once they are there. */
  async got(count: number): Promise<number[]> {
    await new Promise<void>((resolve) => {
      this.#check = () => (this.frames.length >= count ? resolve() : undefined)
      this.#check()
    })
    return this.times
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate()
    await this.closed
  }
}

export async function connect(url: string): Promise<Client> {
  const client = new Client(url)
  await once(client.socket, 'open')
  return client
}

/** What a refused client reads. */
export async function refused(
  url: string,
): Promise<{ status: number; type: string; body: string }> {
  const socket = new WebSocket(url)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
  }
  const type = response.headers['content-type'] ?? ''
  return { status: response.statusCode ?? 0, type, body: Buffer.concat(chunks).toString() }
}

/** A root post; `at` names it in these tests. */
export const post = (at: number, n = 1) =>
  createPost({ timeUs: START_US + at, did: did(n), tags: ['art'] })
export const cursor = (at: number): string => `cursor=${START_US + at}`

/** One event of each kind that filters look at differently. */
export const mixture = (): JetstreamEvent[] => {
  const first = post(1)
  return [
    first,
    like({ timeUs: START_US + 2, did: did(2), subject: refTo(first) }),
    follow({ timeUs: START_US + 3, did: did(3), subject: did(1) }),
    accountEvent({ timeUs: START_US + 4, did: did(4) }),
    identityEvent({ timeUs: START_US + 5, did: did(5) }),
    deletePost({ timeUs: START_US + 6, did: did(1), rkey: first.commit.rkey }),
  ]
}

/** The times of what a subscriber with this query is sent of `frames`, all of them in the past. */
export async function received(
  frames: readonly (Frame | JetstreamEvent)[],
  query: string,
): Promise<number[]> {
  await using server = await openJetstreamServer()
  server.appendAll(frames)
  const last = accountEvent({ timeUs: START_US + 1e6, did: did(1) })
  server.append(last)
  await using client = await connect(`${server.url}?${query}`)
  await server.waitUntilSent()
  const [connection] = server.connections
  const times = await client.got(connection?.framesSent ?? 0)
  return times.filter((time) => time !== 1e6)
}
