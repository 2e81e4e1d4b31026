import { connect, isIP } from 'node:net'
import type { NetConnectOpts, Socket, TcpNetConnectOpts } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { WebSocket } from 'ws'
import { ReadingPace } from './readingPace.ts'

export interface FrameSocketOptions {
  readonly onMessage: (bytes: Buffer, isBinary: boolean) => void
  /** For TLS, beside what follows from the URL. */
  readonly tls?: TlsOptions
}

/** A message above it ends the connection, which no host sends: one of 8 MiB is too large to be looked into. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

/** A `ws` socket that keeps its messages from everybody but us, and is read at our pace. */
export class FrameSocket extends WebSocket {
  readonly #onMessage: FrameSocketOptions['onMessage']
  readonly #pace: ReadingPace
  #isHeld = false

  constructor(url: string, { onMessage, tls }: FrameSocketOptions) {
    let socket: Socket | undefined
    super(url, {
      createConnection: ((options: NetConnectOpts) => {
        socket = openSocket(url, options, tls)
        return socket
      }) as never,
      // A v2 host that is offered compression and asked for zstd answers 400; neither is worth it.
      perMessageDeflate: false,
      handshakeTimeout: 10_000,
      maxPayload: MAX_MESSAGE_BYTES,
      // Of how many parts it is made costs only itself, too.
      maxFragments: 0,
      maxBufferedChunks: 0,
      // `decodeEvent` looks at it, and a frame that is no UTF-8 costs only itself.
      skipUTF8Validation: true,
    })
    this.#onMessage = onMessage
    this.#pace = new ReadingPace({
      onRest: () => this.pause(),
      onRested: () => this.#resume(),
    })
    this.on('open', () => socket?.on('data', ({ length }: Buffer) => this.#pace.noteRead(length)))
    this.on('close', () => this.#pace.stop())
    // The library asks for blobs, more than once, which nobody can read at once.
    Object.defineProperty(this, 'binaryType', { get: () => 'nodebuffer', set: () => {} })
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'message') {
      this.#onMessage(args[0] as Buffer, args[1] === true)
      return true
    }
    return super.emit(event, ...args)
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Nothing more is read until `release`; messages that have been read already are still handed out. */
  hold(): void {
    this.#isHeld = true
    this.pause()
  }

  release(): void {
    this.#isHeld = false
    this.#resume()
  }

  #resume(): void {
    if (!this.#isHeld && !this.#pace.isResting) {
      this.resume()
    }
  }
}

/** While it is paused, a socket reads on until it holds so many bytes: here it does not. */
const READ_AHEAD = 1

/** As `ws` opens it when it is left to itself, but for what it reads ahead. */
function openSocket(url: string, options: NetConnectOpts, tls?: TlsOptions): Socket {
  if (!url.startsWith('wss:')) {
    const own = { path: undefined, highWaterMark: READ_AHEAD }
    return connect({ ...options, ...own } as NetConnectOpts)
  }
  const { host = '' } = options as TcpNetConnectOpts
  const own = {
    ...tls,
    path: undefined,
    // The name in the certificate; an address is no name.
    servername: isIP(host) === 0 ? host : '',
    highWaterMark: READ_AHEAD,
  }
  return connectTls({ ...(options as TcpNetConnectOpts), ...own } as TlsOptions)
}
