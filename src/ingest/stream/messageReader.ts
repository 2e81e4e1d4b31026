import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { MessageParts } from './messageParts.ts'
import { ReadingPace } from './readingPace.ts'

export interface MessageReaderOptions {
  /** A message above it is passed over, without being held. */
  readonly maxBytes: number
  /** It stands between two places of what was read. */
  readonly onMessage: (
    bytes: Buffer,
    place: readonly [from: number, to: number],
    isBinary: boolean,
  ) => void
  /** A message was passed over for its size. */
  readonly onTooLarge: () => void
}

const NONE = Buffer.alloc(0)
/** An HTTP answer whose head is longer than this is not one that we wait for. */
const MAX_HEAD_BYTES = 64 * 1024

/** The head of an answer that only announces another one, and of the one that is waited for. */
const INFORMATION = /^HTTP\/1\.1 1(?!01)\d\d[ \r]/
const UPGRADE = /^HTTP\/1\.1 101[ \r]/
const STATUS_LENGTH = 13

const CONTINUATION = 0
const TEXT = 1
const BINARY = 2

/**
 * A connection to a WebSocket server that hands out its messages itself, and passes on all the rest: the
 * HTTP answer, pings, the close. `ws` would make five buffers of each message, and its limit on size
 * would end the connection, so that every replay meets the same message again.
 *
 * It follows the bytes that the server sends. *head*: until the end of the HTTP answer. *opening*: until
 * `begin` says that the answer was a good one. *frame*: the two to ten bytes that say what a frame is.
 * *payload*: taken, passed on or dropped. *raw*: after an answer that is no upgrade, or a frame that no
 * server may send, all bytes pass, and `ws` says what is wrong with them.
 */
export class MessageReader extends Duplex {
  readonly #inner: Duplex
  readonly #options: MessageReaderOptions
  #state: 'head' | 'opening' | 'frame' | 'payload' | 'raw' = 'head'
  /** A head, or what says what a frame is, that is cut: it waits for its rest. */
  #held = NONE
  #isPaused = false
  #hasEnded = false
  /** Bytes of the payload that are still to come, what becomes of them, and whether they end a message. */
  #left = 0
  #fate: 'take' | 'pass' | 'drop' = 'pass'
  #isLast = true
  /** The message that is under way, when its kind is known; and the size that its frames have told. */
  #kind: typeof TEXT | typeof BINARY | undefined
  #size = 0
  readonly #parts = new MessageParts()
  readonly #pace = new ReadingPace({
    onRest: () => this.#inner.pause(),
    onRested: () => this._read(),
  })

  constructor(inner: Duplex, options: MessageReaderOptions) {
    super({ allowHalfOpen: false })
    this.#inner = inner
    this.#options = options
    inner.on('data', (chunk: Buffer) => {
      this.#take(chunk)
      this.#pace.noteRead(chunk.length)
    })
    inner.on('end', () => this.#end())
    inner.on('error', (error) => this.destroy(error))
    inner.on('close', () => this.destroy())
    inner.on('timeout', () => this.emit('timeout'))
    inner.pause()
  }

  /** As of a socket, which `node:http` takes this for. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    const { setTimeout } = this.#inner as Partial<Socket>
    setTimeout?.call(this.#inner, timeoutMs)
    if (listener !== undefined) {
      this.once('timeout', listener)
    }
    return this
  }

  get isHeld(): boolean {
    return this.#isPaused
  }

  /**
   * The server has agreed to speak WebSocket: from here on its messages are handed out. Answers whether
   * they can be, which they cannot after an answer that was not understood.
   */
  begin(): boolean {
    if (this.#state !== 'opening') {
      return false
    }
    this.#state = 'frame'
    this.#take(NONE)
    if (this.#hasEnded) {
      this.#end()
    } else {
      this._read()
    }
    return true
  }

  /** Nothing more is read until `release`; messages that have been read already are still handed out. */
  hold(): void {
    this.#isPaused = true
    this.#inner.pause()
  }

  release(): void {
    this.#isPaused = false
    this._read()
  }

  override _read(): void {
    if (!this.#isPaused && !this.#pace.isResting && this.#state !== 'opening') {
      this.#inner.resume()
    }
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void) {
    this.#inner.write(chunk, encoding, done)
  }

  override _final(done: () => void): void {
    this.#inner.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#pace.stop()
    this.#inner.destroy()
    done(error)
  }

  /** What came with the answer is dealt with before the end that came with it. */
  #end(): void {
    this.#hasEnded = true
    if (this.#state !== 'opening') {
      this.push(null)
    }
  }

  #take(chunk: Buffer): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = NONE
    let at = 0
    while (at < bytes.length) {
      const size = this.#step(bytes, at)
      if (size === 0) {
        this.#held = Buffer.from(bytes.subarray(at))
        break
      }
      at += size
    }
  }

  /** Answers how many bytes it has dealt with; 0 when more have to come first. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes, at)
      case 'opening':
        return 0
      case 'frame':
        return this.#readFrame(bytes, at)
      case 'payload':
        return this.#readPayload(bytes, at)
      case 'raw':
        return this.#pass(bytes.subarray(at))
    }
  }

  #pass(bytes: Buffer): number {
    if (!this.push(bytes)) {
      this.#inner.pause()
    }
    return bytes.length
  }

  #readHead(bytes: Buffer, at: number): number {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end === -1 && bytes.length <= MAX_HEAD_BYTES) {
      return 0
    }
    const status = bytes.toString('latin1', at, at + STATUS_LENGTH)
    if (end !== -1 && INFORMATION.test(status)) {
      return this.#pass(bytes.subarray(at, end + 4))
    }
    if (end === -1 || !UPGRADE.test(status)) {
      this.#state = 'raw'
      return this.#pass(bytes.subarray(at))
    }
    this.#state = 'opening'
    this.#inner.pause()
    return this.#pass(bytes.subarray(at, end + 4))
  }

  #readFrame(bytes: Buffer, at: number): number {
    const second = bytes[at + 1]
    if (second === undefined) {
      return 0
    }
    const short = second & 0x7f
    const size = short === 126 ? 4 : short === 127 ? 10 : 2
    if (bytes.length < at + size) {
      return 0
    }
    const first = bytes[at] ?? 0
    const fate = (second & 0x80) === 0 ? this.#fateOf(first) : undefined
    if (fate === undefined) {
      this.#state = 'raw'
      return this.#pass(bytes.subarray(at))
    }
    this.#left =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short
    this.#isLast = (first & 0x80) !== 0
    this.#fate = fate === 'pass' ? fate : this.#fateOfSize()
    if (fate === 'pass') {
      this.#pass(bytes.subarray(at, at + size))
    }
    this.#state = 'payload'
    if (this.#left === 0) {
      this.#readPayload(NONE, 0)
    }
    return size
  }

  /** What becomes of a frame by its first byte: undefined for one that no server may send here. */
  #fateOf(first: number): 'take' | 'pass' | undefined {
    const kind = first & 0x0f
    if ((first & 0x70) !== 0) {
      return undefined
    }
    if (kind === TEXT || kind === BINARY) {
      if (this.#kind !== undefined) {
        // `ws` has not seen the first one, and would find nothing wrong.
        this.destroy(new Error('a message begins inside another one'))
        return undefined
      }
      this.#kind = kind
      return 'take'
    }
    if (kind === CONTINUATION) {
      return this.#kind === undefined ? undefined : 'take'
    }
    return 'pass'
  }

  /** A message of which a part is dropped is dropped whole. */
  #fateOfSize(): 'take' | 'drop' {
    const before = this.#size
    this.#size += this.#left
    if (this.#size <= this.#options.maxBytes) {
      return 'take'
    }
    this.#parts.clear()
    if (before <= this.#options.maxBytes) {
      this.#options.onTooLarge()
    }
    return 'drop'
  }

  #readPayload(bytes: Buffer, at: number): number {
    const size = Math.min(this.#left, bytes.length - at)
    this.#left -= size
    const isEnd = this.#left === 0
    if (this.#fate === 'pass') {
      this.#pass(bytes.subarray(at, at + size))
    } else if (isEnd && this.#isLast) {
      this.#endMessage(bytes, at, at + size)
    } else if (this.#fate === 'take') {
      this.#parts.add(bytes, [at, at + size], this.#left)
    }
    this.#state = isEnd ? 'frame' : 'payload'
    return size
  }

  #endMessage(bytes: Buffer, from: number, to: number): void {
    const isBinary = this.#kind === BINARY
    this.#kind = undefined
    this.#size = 0
    if (this.#fate === 'take' && this.#parts.length === 0) {
      this.#options.onMessage(bytes, [from, to], isBinary)
    } else if (this.#fate === 'take') {
      this.#parts.add(bytes, [from, to], 0)
      const whole = this.#parts.take()
      this.#options.onMessage(whole, [0, whole.length], isBinary)
    }
  }
}
