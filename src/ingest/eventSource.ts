import type { Us } from '../time.ts'
import type { Frame } from './decodeEvent.ts'
import type { FrameBuffer } from './frameBuffer.ts'
import type { Position } from './rowOps.ts'

/** Where frames come from, and how orderly their times have been. Kept by the ingester. */
export interface Connection {
  /** `host:port` of a server, or the name of a recording. */
  readonly host: string
  /** The greatest `time_us` of this connection, 0 before the first. */
  greatestUs: Us
  /** The farthest that a frame lay behind the greatest before it. */
  disorderUs: Us
  /** Accounts that it has told to be deleted: what it sends of them from then on comes after that. */
  readonly erased: Set<string>
}

/**
 * One frame, where it stands in what a socket has read at once: for most frames of the network no
 * buffer of their own is ever made.
 */
export class StreamFrame implements Frame {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
  readonly isBinary: boolean
  readonly connection: Connection

  constructor(fields: Omit<StreamFrame, 'data'>) {
    this.bytes = fields.bytes
    this.from = fields.from
    this.to = fields.to
    this.isBinary = fields.isBinary
    this.connection = fields.connection
  }

  get data(): Buffer {
    return this.bytes.subarray(this.from, this.to)
  }
}

export interface SourceOptions {
  /** The committed position, asked for anew at every connection. */
  readonly resumeFrom: () => Position | undefined
  readonly buffer: FrameBuffer
  readonly signal: AbortSignal
}

/** Puts frames into the buffer in the order in which the server sent them, and waits while it is full. */
export interface EventSource {
  /** Ends when the signal aborts, or there is no more: a stream reconnects by itself, for ever. */
  run(options: SourceOptions): Promise<void>
}

export function createConnection(host: string): Connection {
  return { host, greatestUs: 0, disorderUs: 0, erased: new Set() }
}
