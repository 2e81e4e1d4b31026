import type { Us } from '../../time.ts'
import { StreamFront } from './streamFront.ts'

/** A larger frame is not looked into; no record that a PDS takes comes near this. */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024

/** One WebSocket message as it arrived. */
export interface Frame {
  readonly data: Buffer
  readonly isBinary: boolean
}

/** Where frames come from, and how orderly their times have been. Kept by the ingester. */
export interface Connection {
  /** `host:port` of a server, or the name of a recording. */
  readonly host: string
  /** What it was asked for; undefined for the live tail. */
  readonly cursor: number | undefined
  /** Hosts there are to choose from, this one included. */
  readonly hosts: number
  readonly front: StreamFront
  /** The last `time_us` that was not far ahead of our clock, 0 before the first. */
  lastUs: Us
  /** Accounts that it has told to be deleted: what it sends of them from then on comes after that. */
  readonly erased: Set<string>
  /** It is known that nothing is missing between the committed position and what it sends. */
  isContinuous: boolean
  /** It was left for another host: what it has sent does not move the position. */
  isLeft: boolean
  /** Nothing more comes of it. */
  isOver: boolean
  /** Ends it for the next host; the reason goes into the log. */
  leave(reason: string): void
}

/** One frame: the bytes between two places of a buffer, of its own or shared. */
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

export interface ConnectionOrigin {
  readonly cursor?: number | undefined
  readonly hosts?: number
  readonly onLeave?: (reason: string) => void
}

export function createConnection(host: string, origin: ConnectionOrigin = {}): Connection {
  return {
    host,
    cursor: origin.cursor,
    hosts: origin.hosts ?? 1,
    front: new StreamFront(),
    lastUs: 0,
    erased: new Set(),
    isContinuous: false,
    isLeft: false,
    isOver: false,
    leave(reason) {
      this.isLeft = true
      origin.onLeave?.(reason)
    },
  }
}
