import type { ClientRequest, IncomingMessage } from 'node:http'
import { Jetstream } from '@skyware/jetstream'
import type { FrameBuffer } from './frameBuffer.ts'
import { FrameSocket } from './frameSocket.ts'
import { MAX_FRAME_BYTES, StreamFrame } from './streamFrame.ts'
import type { Connection } from './streamFrame.ts'

export interface ConnectionOptions {
  /** `ws(s)://HOST/subscribe`. */
  readonly url: string
  readonly cursor: number | undefined
  readonly wantedCollections: readonly string[]
  /** No frame for so long: the host is dead, whatever its pings say. */
  readonly idleMs: number
  readonly connection: Connection
  readonly buffer: FrameBuffer
  /** Ends it; a text as the reason says why. */
  readonly signal: AbortSignal
  readonly onOpen: () => void
  /** A frame was passed over for its size. */
  readonly onTooLarge: () => void
}

/** How a connection ended. */
export interface ConnectionEnd {
  /** In plain words, for a log line. */
  readonly reason: string
  /** Frames read: a connection without any has not worked, even if it opened. */
  readonly frames: number
  /** Ended by us, because the host had fallen silent. */
  readonly wasIdle: boolean
}

const MAX_REASON_LENGTH = 200

/**
 * One connection to one host, from the handshake to its end; never throws and never reconnects.
 *
 * `@skyware/jetstream` makes the URL and holds the socket. It is given a socket that keeps the frames
 * to itself and hands them to our buffer: the library would move its cursor on receipt, drop what it
 * cannot read without a word, and have no way to wait for the store.
 */
export function runJetstreamConnection(options: ConnectionOptions): Promise<ConnectionEnd> {
  return new Promise((resolve) => {
    let frames = 0
    let reason: string | undefined
    let wasIdle = false
    /** What has come by when the watchdog looked last; a clock read at every frame would cost more. */
    let seen = { events: 0, at: performance.now() }
    let tooLarge = 0
    let socket: FrameSocket | undefined

    const fail = (text: string): void => {
      reason ??= text.slice(0, MAX_REASON_LENGTH)
    }
    const finish = (): void => {
      clearInterval(watchdog)
      options.signal.removeEventListener('abort', onAbort)
      // Before the library's own listener for `close` runs: it would reconnect.
      jetstream.close()
      resolve({ reason: reason ?? '', frames, wasIdle })
    }
    const end = (text: string): void => {
      fail(text)
      if (socket === undefined) {
        finish()
      } else {
        socket.terminate()
      }
    }
    const watchdog = setInterval(
      () => {
        const events = frames + tooLarge
        if (socket?.isHeld === true || events !== seen.events) {
          seen = { events, at: performance.now() }
        } else if (performance.now() - seen.at >= options.idleMs) {
          wasIdle = true
          end(`no event for ${options.idleMs / 1000} s`)
        }
      },
      Math.max(50, options.idleMs / 10),
    )
    const onAbort = (): void => {
      const { reason: why } = options.signal as { reason: unknown }
      end(typeof why === 'string' ? why : 'stopping')
    }
    options.signal.addEventListener('abort', onAbort)

    class OwnSocket extends FrameSocket {
      constructor(url: string) {
        super(url, {
          onMessage: (bytes, isBinary) => {
            if (bytes.length > MAX_FRAME_BYTES) {
              tooLarge += 1
              options.onTooLarge()
              return
            }
            frames += 1
            const { connection } = options
            const place = { from: 0, to: bytes.length }
            options.buffer.push(new StreamFrame({ bytes, ...place, isBinary, connection }))
            if (options.buffer.isFull && !this.isHeld) {
              this.hold()
              options.buffer.onDrained(() => this.release())
            }
          },
        })
        // eslint-disable-next-line typescript/no-this-alias, unicorn/no-this-assignment
        socket = this
        this.on('open', () => options.onOpen())
        this.on('unexpected-response', (_request: ClientRequest, response: IncomingMessage) => {
          void readStart(response).then((body) => end(`HTTP ${response.statusCode}: ${body}`))
        })
        this.on('error', (error) => fail(error.message))
        this.on('close', (code, text) => {
          fail(
            `closed by the host with code ${code}${text.length > 0 ? `: ${text.toString()}` : ''}`,
          )
          finish()
        })
      }
    }

    const jetstream = new Jetstream({
      endpoint: options.url,
      wantedCollections: [...options.wantedCollections],
      ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
      ws: OwnSocket,
    })
    jetstream.on('error', (error) => fail(error.message))
    jetstream.start()
    if (options.signal.aborted) {
      onAbort()
    }
  })
}

async function readStart(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let body = ''
  try {
    for await (const chunk of response) {
      body += String(chunk)
      if (body.length >= MAX_REASON_LENGTH) {
        break
      }
    }
  } catch {
    // What has come so far says enough.
  }
  return body.replaceAll(/\s+/g, ' ').slice(0, MAX_REASON_LENGTH)
}
