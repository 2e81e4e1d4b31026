/**
 * A Jetstream server of our own: real WebSockets on a port of 127.0.0.1, the rules of the v1 wire
 * (`/subscribe`), a log of frames held in memory, and faults on demand.
 *
 * A subscriber is *waiting* (`requireHello`, until its first options_update), then *streaming*: it
 * walks the log from its start position to the end and on, chunk by chunk, so that replay and live
 * tail are one walk and nothing is lost or repeated between them. At most one chunk per subscriber
 * is handed to its socket before the kernel has taken the last one: a client that does not read
 * makes its walk stand still and costs no memory.
 */
import { createServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { isValidDid, isValidNsid } from '@atproto/syntax'
import { WebSocket, WebSocketServer } from 'ws'
import type { RawData } from 'ws'

/** What goes over the wire as it is, and the time at which the log files it. */
export interface Frame {
  readonly timeUs: number
  readonly data: string | Buffer
  /** Default: a Buffer is a binary frame, a string is a text frame. */
  readonly binary?: boolean
}

/** An event, sent as JSON and filed under its own time. */
export interface EventObject {
  readonly time_us: number
}

export interface JetstreamServerOptions {
  /** Default 0: any free port. */
  readonly port?: number
  /**
   * v2 adds a number `cursor` to each event, counted from 1, takes cursors below 1e15 for such
   * numbers, and negotiates permessage-deflate.
   */
  readonly flavour?: 'v1' | 'v2'
  /** v2 only: a later cursor in microseconds is moved back to here (bluesky-social/jetstream#343). */
  readonly segmentStartUs?: number
  /** The server's clock: a cursor after it is in the future. */
  readonly nowUs?: () => number
}

/** One accepted WebSocket; the server keeps the figures up to date. */
export interface Connection {
  readonly url: URL
  readonly cursor: number | undefined
  /** Unix milliseconds. */
  readonly openedAt: number
  readonly framesSent: number
  /** 1006 means that no close frame was seen. */
  readonly closed: { readonly code: number; readonly reason: string } | undefined
}

/** One request answered before the upgrade. */
export interface Refusal {
  readonly url: URL
  readonly status: number
}

interface Entry {
  readonly timeUs: number
  readonly bytes: Buffer
  readonly binary: boolean
  /** What the filters look at; `undefined` for what is no JSON object: that passes any filter. */
  readonly facts: { readonly did: unknown; readonly collection: string | undefined } | undefined
}

interface Filter {
  readonly dids: ReadonlySet<string>
  readonly collections: ReadonlySet<string>
  readonly prefixes: readonly string[]
  /** 0 or less is no limit. */
  readonly maxBytes: number
}

interface Subscriber extends Connection {
  readonly socket: WebSocket
  readonly stream: Duplex
  framesSent: number
  closed: Connection['closed']
  filter: Filter
  /** Counts from the first frame ever appended; `undefined` while waiting for the hello. */
  position: number | undefined
  /** A chunk is on its way to the kernel. */
  busy: boolean
}

const CHUNK_FRAMES = 256
const CHUNK_BYTES = 256 * 1024
const SCAN_FRAMES = 8_192
const SEQ_CURSOR_LIMIT = 1e15

/** Answers a request that is not upgraded, or closes a WebSocket that is already there. */
class ProtocolError extends Error {
  readonly status: number
  readonly closeCode: number

  constructor(message: string, { status = 400, closeCode = 1008 } = {}) {
    super(message)
    this.status = status
    this.closeCode = closeCode
  }
}

function parseFilter(collections: string[], dids: string[], maxBytes: number): Filter {
  const wanted = [...new Set(collections)]
  const isPrefix = (pattern: string): boolean => pattern.endsWith('.*')
  const bad = wanted.find((pattern) => !isPrefix(pattern) && !isValidNsid(pattern))
  const badDid = dids.find((did) => !isValidDid(did))
  if (bad !== undefined || badDid !== undefined) {
    const [what, value] = bad !== undefined ? ['collection', bad] : ['DID', badDid]
    throw new ProtocolError(`invalid options: invalid ${what}: ${value}`)
  }
  const wantedDids = new Set(dids)
  if (wanted.length > 100 || wantedDids.size > 10_000) {
    throw new ProtocolError('invalid options: too many wanted collections or DIDs')
  }
  return {
    dids: wantedDids,
    collections: new Set(wanted.filter((pattern) => !isPrefix(pattern))),
    prefixes: wanted.filter(isPrefix).map((pattern) => pattern.slice(0, -1)),
    maxBytes,
  }
}

function parseQuery(query: URLSearchParams): Filter {
  const size = query.get('maxMessageSizeBytes') ?? ''
  const maxBytes = /^[+-]?\d+$/.test(size) && Number(size) < 2 ** 32 ? Number(size) : 0
  return parseFilter(query.getAll('wantedCollections'), query.getAll('wantedDids'), maxBytes)
}

/** `undefined` for a message that is not ours to answer. @throws ProtocolError */
function parseOptionsUpdate(message: string): Filter | undefined {
  const envelope = asObject(message)
  if (envelope === undefined) {
    throw new ProtocolError('bad SubscriberSourcedMessage envelope', { closeCode: 1007 })
  }
  if (envelope['type'] !== 'options_update') {
    return undefined
  }
  // As in Go, null is the same as nothing, while a payload that is missing is not JSON at all.
  const { payload } = envelope
  const update = payload === null ? {} : payload
  const isStrings = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((item) => typeof item === 'string')
  if (!isObject(update)) {
    throw new ProtocolError('bad options_update payload', { closeCode: 1007 })
  }
  const collections = update['wantedCollections'] ?? []
  const dids = update['wantedDids'] ?? []
  const maxBytes = update['maxMessageSizeBytes'] ?? 0
  if (!isStrings(collections) || !isStrings(dids) || !Number.isInteger(maxBytes)) {
    throw new ProtocolError('bad options_update payload', { closeCode: 1007 })
  }
  return parseFilter(collections, dids, Number(maxBytes))
}

function wants(filter: Filter, entry: Entry): boolean {
  if (entry.facts === undefined) {
    return true
  }
  const { did, collection } = entry.facts
  const { dids, collections, prefixes, maxBytes } = filter
  if (maxBytes > 0 && entry.bytes.length > maxBytes) {
    return false
  }
  if (dids.size > 0 && !dids.has(String(did))) {
    return false
  }
  return (
    collection === undefined ||
    (collections.size === 0 && prefixes.length === 0) ||
    collections.has(collection) ||
    prefixes.some((prefix) => collection.startsWith(prefix))
  )
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function asObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** `seq` is what a v2 server adds to an event; garbage stays as it is. */
function toEntry(frame: Frame | EventObject, seq: number | undefined): Entry {
  const isFrame = 'timeUs' in frame
  const data = isFrame ? frame.data : JSON.stringify(frame)
  const event = !isFrame
    ? (frame as unknown as Record<string, unknown>)
    : typeof data === 'string'
      ? asObject(data)
      : undefined
  const commit = event?.['kind'] === 'commit' ? event['commit'] : undefined
  const collection = isObject(commit) ? commit['collection'] : undefined
  const text = event && seq !== undefined ? JSON.stringify({ ...event, cursor: seq }) : data
  return {
    timeUs: isFrame ? frame.timeUs : frame.time_us,
    bytes: typeof text === 'string' ? Buffer.from(text) : text,
    binary: (isFrame ? frame.binary : undefined) ?? typeof data !== 'string',
    facts: event && {
      did: event['did'],
      collection: typeof collection === 'string' && collection !== '' ? collection : undefined,
    },
  }
}

/** Faults as data: append them like any other frame. */
export const faults = {
  malformedJson: (timeUs: number, data = '{"did":"did:plc:'): Frame => ({ timeUs, data }),

  /** By default the first bytes of a zstd frame, as a server sends that thinks we asked for it. */
  binary: (timeUs: number, data = Buffer.from('28b52ffd2004', 'hex')): Frame => ({ timeUs, data }),

  /** A good event, at least `bytes` long by a field that nobody knows. */
  oversize: (event: EventObject, bytes: number): Frame => ({
    timeUs: event.time_us,
    data: JSON.stringify({ ...event, padding: 'x'.repeat(bytes) }),
  }),

  repeated: <T extends Frame | EventObject>(frame: T, times = 2): T[] =>
    Array.from({ length: times }, () => frame),

  /** The event says it happened later than it did; the log files it where it belongs. */
  farFuture: (event: EventObject, aheadUs: number): Frame => ({
    timeUs: event.time_us,
    data: JSON.stringify({ ...event, time_us: event.time_us + aheadUs }),
  }),
}

interface Waiter {
  readonly condition: () => boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class JetstreamServer implements AsyncDisposable {
  readonly #options: JetstreamServerOptions
  readonly #http: Server
  readonly #webSockets: WebSocketServer
  readonly #subscribers: Subscriber[] = []
  readonly #live = new Set<Subscriber>()
  readonly #refusals: Refusal[] = []
  readonly #waiters = new Set<Waiter>()
  #log: Entry[] = []
  #forgotten = 0
  #port = 0
  #refusal: { status: number; body: string } | undefined
  #isStalled = false
  #dropAfter = Infinity

  /** Use `openJetstreamServer`. */
  constructor(options: JetstreamServerOptions) {
    this.#options = options
    this.#port = options.port ?? 0
    this.#webSockets = new WebSocketServer({
      noServer: true,
      maxPayload: 10_000_000,
      perMessageDeflate: options.flavour === 'v2',
    })
    // As many DIDs as allowed fit into the query.
    this.#http = createServer({ maxHeaderSize: 1024 * 1024 }, (request, response) => {
      const status = new URL(request.url ?? '/', this.url).pathname === '/subscribe' ? 426 : 404
      response.writeHead(status, { 'Content-Type': 'text/plain' }).end(STATUS_CODES[status])
    })
    this.#http.on('upgrade', (request, stream, head) => this.#upgrade(request, stream, head))
  }

  /** Stays the same while the server is down and back. */
  get url(): string {
    return `ws://127.0.0.1:${this.#port}/subscribe`
  }

  /** Everyone who ever connected, in order; those refused are not among them. */
  get connections(): readonly Connection[] {
    return this.#subscribers
  }

  get refusals(): readonly Refusal[] {
    return this.#refusals
  }

  /** Adds to the end of the log, whatever the times say; subscribers get it as they read. */
  append(...frames: readonly (Frame | EventObject)[]): void {
    this.appendAll(frames)
  }

  /** `append` for more frames than a call can have arguments. */
  appendAll(frames: Iterable<Frame | EventObject>): void {
    for (const frame of frames) {
      const seq = this.#options.flavour === 'v2' ? this.#end + 1 : undefined
      this.#log.push(toEntry(frame, seq))
    }
    this.#pumpAll()
  }

  /** Drops the oldest frames: older cursors start at the oldest one left, and are not told. */
  forget(count: number): void {
    this.#forgotten += this.#log.splice(0, count).length
  }

  /** Resolves when the condition holds; asked again whenever something happens here. */
  waitUntil(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({ condition, resolve, reject })
      this.#notify()
    })
  }

  /** The `n`-th connection, counted from 1, as soon as there is one. */
  async waitForConnection(n = 1): Promise<Connection> {
    await this.waitUntil(() => this.#subscribers.length >= n)
    return this.#subscribers[n - 1] as Connection
  }

  /** At least one subscriber is live, and the kernel has all of the log for each. */
  waitUntilSent(): Promise<void> {
    const isDone = (subscriber: Subscriber): boolean =>
      subscriber.position === this.#end && !subscriber.busy
    return this.waitUntil(() => this.#live.size > 0 && [...this.#live].every(isDone))
  }

  /** Ends every connection, with a close frame or without one; resolves when all are gone. */
  async disconnectAll(
    how: { readonly code: number; readonly reason?: string } | { readonly abruptly: true },
  ): Promise<void> {
    const leaving = [...this.#live]
    for (const { socket } of leaving) {
      if ('code' in how) {
        socket.close(how.code, how.reason)
      } else {
        socket.terminate()
      }
    }
    await this.waitUntil(() => leaving.every((subscriber) => subscriber.closed !== undefined))
  }

  /** Answers every request with this status until `accept`. */
  refuse(status: number, body = STATUS_CODES[status] ?? ''): void {
    this.#refusal = { status, body }
  }

  accept(): void {
    this.#refusal = undefined
  }

  /** Silence for all, those included who connect meanwhile; pings are still answered. */
  stall(): void {
    this.#isStalled = true
  }

  unstall(): void {
    this.#isStalled = false
    this.#pumpAll()
  }

  /** Ends each connection without a close frame once it has got `frames`; Infinity: never. */
  dropAfter(frames: number): void {
    this.#dropAfter = frames
    this.#pumpAll()
  }

  /** The host is down: connections break, new ones find nobody. */
  async stopListening(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#http.close(() => resolve()))
    this.#http.closeAllConnections()
    await this.disconnectAll({ abruptly: true })
    await stopped
  }

  /** The host is up, at the same address. */
  async listenAgain(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject)
      this.#http.listen(this.#port, '127.0.0.1', () => {
        this.#http.off('error', reject)
        resolve()
      })
    })
    this.#port = (this.#http.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopListening()
    for (const waiter of this.#waiters) {
      waiter.reject(new Error('the Jetstream server ended before that happened'))
    }
    this.#waiters.clear()
  }

  get #end(): number {
    return this.#forgotten + this.#log.length
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', this.url)
    stream.on('error', () => stream.destroy())
    try {
      const filter = this.#admit(url)
      const cursor = url.searchParams.get('cursor') || undefined
      this.#webSockets.handleUpgrade(request, stream, head, (socket) => {
        this.#open({
          url,
          cursor: cursor === undefined ? undefined : Number(cursor),
          openedAt: Date.now(),
          socket,
          stream,
          framesSent: 0,
          closed: undefined,
          filter,
          position: undefined,
          busy: false,
        })
      })
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error
      }
      this.#refusals.push({ url, status: error.status })
      stream.once('finish', () => stream.destroy())
      stream.end(
        `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n` +
          'Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n' +
          `Content-Length: ${Buffer.byteLength(error.message)}\r\n\r\n${error.message}`,
      )
      this.#notify()
    }
  }

  /** Checks all that is checked before the upgrade. @throws ProtocolError */
  #admit(url: URL): Filter {
    if (url.pathname !== '/subscribe') {
      throw new ProtocolError('Not Found', { status: 404 })
    }
    if (this.#refusal !== undefined) {
      throw new ProtocolError(this.#refusal.body, { status: this.#refusal.status })
    }
    if (url.searchParams.get('compress') === 'true') {
      throw new ProtocolError('this server knows no zstd')
    }
    const cursor = url.searchParams.get('cursor') ?? ''
    // Before 1970 is merely old to v1; v2 has no such positions.
    const form = this.#options.flavour === 'v2' ? /^\+?\d*$/ : /^[+-]?\d+$|^$/
    if (!form.test(cursor)) {
      throw new ProtocolError(`invalid cursor: ${cursor}`)
    }
    return parseQuery(url.searchParams)
  }

  #open(subscriber: Subscriber): void {
    const { socket, url } = subscriber
    this.#subscribers.push(subscriber)
    this.#live.add(subscriber)
    socket.on('message', (data, isBinary) => this.#receive(subscriber, data, isBinary))
    // A faulty peer costs its own connection: 'close' follows, and says with which code.
    socket.on('error', () => socket.terminate())
    socket.once('close', (code, reason) => {
      subscriber.closed = { code, reason: reason.toString() }
      this.#live.delete(subscriber)
      this.#notify()
    })
    if (url.searchParams.get('requireHello') !== 'true') {
      subscriber.position = this.#startOf(subscriber.cursor)
    }
    this.#pump(subscriber)
    this.#notify()
  }

  #receive(subscriber: Subscriber, data: RawData, isBinary: boolean): void {
    if (isBinary) {
      return
    }
    try {
      // With the default binaryType a message is one Buffer.
      const filter = parseOptionsUpdate((data as Buffer).toString())
      if (filter !== undefined) {
        subscriber.filter = filter
        subscriber.position ??= this.#startOf(subscriber.cursor)
        this.#pump(subscriber)
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error
      }
      subscriber.socket.close(error.closeCode, error.message.slice(0, 100))
    }
  }

  #startOf(cursor: number | undefined): number {
    const { flavour, segmentStartUs = Infinity, nowUs = () => Date.now() * 1000 } = this.#options
    if (flavour === 'v2' && cursor !== undefined && cursor < SEQ_CURSOR_LIMIT) {
      return Math.min(Math.max(cursor - 1, this.#forgotten), this.#end)
    }
    if (cursor === undefined || cursor > nowUs()) {
      return this.#end
    }
    const fromUs = flavour === 'v2' ? Math.min(cursor, segmentStartUs) : cursor
    const index = this.#log.findIndex((entry) => entry.timeUs >= fromUs)
    return index === -1 ? this.#end : this.#forgotten + index
  }

  #pumpAll(): void {
    for (const subscriber of this.#live) {
      this.#pump(subscriber)
    }
  }

  /** Hands the next chunk to the socket, unless one is on its way; comes back by itself. */
  #pump(subscriber: Subscriber): void {
    const { socket, stream, busy, position } = subscriber
    if (busy || position === undefined || socket.readyState !== WebSocket.OPEN) {
      return
    }
    if (subscriber.framesSent >= this.#dropAfter) {
      socket.terminate()
      return
    }
    if (this.#isStalled || position >= this.#end) {
      return
    }
    const chunk = this.#takeChunk(subscriber, position)
    // Through the event loop, lest a fast reader in this process never gets its turn.
    const goOn = (): void => {
      setImmediate(() => {
        subscriber.busy = false
        this.#pump(subscriber)
        this.#notify()
      })
    }
    subscriber.busy = true
    subscriber.framesSent += chunk.length
    if (chunk.length === 0) {
      goOn()
      return
    }
    stream.cork()
    for (const [index, { bytes, binary }] of chunk.entries()) {
      socket.send(bytes, { binary }, index === chunk.length - 1 ? goOn : undefined)
    }
    stream.uncork()
  }

  /** Moves the subscriber past what it gets and past what its filter holds back. */
  #takeChunk(subscriber: Subscriber, from: number): Entry[] {
    const chunk: Entry[] = []
    const room = Math.min(CHUNK_FRAMES, this.#dropAfter - subscriber.framesSent)
    let position = Math.max(from, this.#forgotten)
    const last = Math.min(this.#end, position + SCAN_FRAMES)
    for (let bytes = 0; position < last && chunk.length < room && bytes < CHUNK_BYTES;) {
      const entry = this.#log[position - this.#forgotten] as Entry
      position += 1
      if (wants(subscriber.filter, entry)) {
        chunk.push(entry)
        bytes += entry.bytes.length
      }
    }
    subscriber.position = position
    return chunk
  }

  #notify(): void {
    for (const waiter of this.#waiters) {
      try {
        if (!waiter.condition()) {
          continue
        }
        waiter.resolve()
      } catch (error) {
        waiter.reject(error)
      }
      this.#waiters.delete(waiter)
    }
  }
}

/** Listens when it resolves; dispose it to end every connection and free the port. */
export async function openJetstreamServer(
  options: JetstreamServerOptions = {},
): Promise<JetstreamServer> {
  const server = new JetstreamServer(options)
  await server.listenAgain()
  return server
}
