import type { CommittedPosition } from '../../status/position.ts'
import type { FrameBuffer } from './frameBuffer.ts'

export interface SourceOptions {
  /** The committed position, asked for anew at every connection. */
  readonly resumeFrom: () => CommittedPosition | undefined
  readonly buffer: FrameBuffer
  readonly signal: AbortSignal
}

/** Puts frames into the buffer in the order in which the server sent them, and waits while it is full. */
export interface EventSource {
  /** Ends when the signal aborts, or there is no more: a stream reconnects by itself, for ever. */
  run(options: SourceOptions): Promise<void>
}
