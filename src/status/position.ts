import type { Us } from '../time.ts'

/** How far the stream has been read. */
export interface Position {
  readonly timeUs: Us
  readonly host: string
  /**
   * How far back all has surely been read: the greatest distance that a frame lay behind one before it, as
   * far as it still matters, or that to the last frame of which there is no doubt.
   */
  readonly disorderUs: Us
}

/** The position as it is stored. */
export interface CommittedPosition extends Position {
  /** Our clock at the commit that moved it. */
  readonly committedUs: Us
}

/** What no host could send any more: the stream between a position and the first event after it. */
export interface Gap {
  readonly fromUs: Us
  readonly toUs: Us
  /** Our clock when it was noticed. */
  readonly seenUs: Us
}
