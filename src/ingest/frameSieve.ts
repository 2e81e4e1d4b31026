import { Duplex } from 'node:stream'

const NONE = Buffer.alloc(0)
/** An HTTP answer whose head is longer than this is not one that we wait for. */
const MAX_HEAD_BYTES = 64 * 1024

/**
 * A connection that leaves out WebSocket frames above a size, without holding them: one huge frame
 * would otherwise fill our memory, or end the connection and meet every replay again.
 *
 * It follows the bytes that the server sends. *head*: until the end of the HTTP answer. *frame*: the
 * two to ten bytes that say how long a frame is. *payload*: passed on, or dropped. *pass*: after an
 * answer that is no upgrade, or a frame that is masked, which no server may send, all bytes pass.
 * A message in several frames is not judged here: `maxPayload` of the socket is for that.
 */
export class FrameSieve extends Duplex {
  readonly #inner: Duplex
  readonly #maxBytes: number
  readonly #onDropped: () => void
  #state: 'head' | 'frame' | 'payload' | 'pass' = 'head'
  /** A head or the length of a frame that is cut: it waits for its rest. */
  #held = NONE
  /** Bytes of the payload that are still to come. */
  #left = 0
  #isDropping = false

  constructor(inner: Duplex, maxBytes: number, onDropped: () => void) {
    super({ allowHalfOpen: false })
    this.#inner = inner
    this.#maxBytes = maxBytes
    this.#onDropped = onDropped
    inner.on('data', (chunk: Buffer) => this.#sift(chunk))
    inner.on('end', () => this.push(null))
    inner.on('error', (error) => this.destroy(error))
    inner.on('close', () => this.destroy())
    inner.pause()
  }

  override _read(): void {
    this.#inner.resume()
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void) {
    this.#inner.write(chunk, encoding, done)
  }

  override _final(done: () => void): void {
    this.#inner.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inner.destroy()
    done(error)
  }

  #sift(chunk: Buffer): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = NONE
    // Whole stretches are passed on at once: the bytes from here to `at` are still to be passed.
    let from = 0
    let at = 0
    while (at < bytes.length && this.#state !== 'pass') {
      if (this.#state === 'payload') {
        at += this.#takePayload(bytes.length - at)
        from = this.#isDropping ? at : from
        if (this.#left === 0) {
          this.#state = 'frame'
          this.#isDropping = false
        }
        continue
      }
      const size = this.#state === 'head' ? this.#readHead(bytes) : this.#readFrame(bytes, at)
      if (size === 0) {
        this.#held = Buffer.from(bytes.subarray(at))
        break
      }
      if (this.#isDropping) {
        this.#pass(bytes.subarray(from, at))
        from = at + size
      }
      at += size
    }
    this.#pass(bytes.subarray(from, this.#state === 'pass' ? bytes.length : at))
  }

  #pass(bytes: Buffer): void {
    if (bytes.length > 0 && !this.push(bytes)) {
      this.#inner.pause()
    }
  }

  #takePayload(available: number): number {
    const taken = Math.min(this.#left, available)
    this.#left -= taken
    return taken
  }

  /** The size of the HTTP head, 0 while it has not come whole. */
  #readHead(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n')
    if (end === -1 && bytes.length <= MAX_HEAD_BYTES) {
      return 0
    }
    const isUpgrade = end !== -1 && bytes.toString('latin1', 0, 13) === 'HTTP/1.1 101 '
    this.#state = isUpgrade ? 'frame' : 'pass'
    return isUpgrade ? end + 4 : bytes.length
  }

  /** The size of what stands before a payload, 0 while it has not come whole. */
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
    if ((second & 0x80) !== 0) {
      this.#state = 'pass'
      return size
    }
    this.#left =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short
    this.#state = this.#left === 0 ? 'frame' : 'payload'
    this.#isDropping = this.#left > this.#maxBytes
    if (this.#isDropping) {
      this.#onDropped()
    }
    return size
  }
}
