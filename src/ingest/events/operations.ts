import type { PostFacts } from '../../posts/postFacts.ts'
import type { EngagementKind, Unkept } from '../../posts/storedCodes.ts'
import type { Gap, Position } from '../../status/position.ts'
import type { Us } from '../../time.ts'

/** What the stream says of one record at `rev`. */
interface RecordOp {
  readonly did: string
  readonly rkey: string
  readonly rev: string
}

/** A post record. */
export interface PutPost extends RecordOp {
  readonly kind: 'putPost'
  readonly cid: string
  /** The event's time: what an erased account had said before it was erased stays gone. */
  readonly timeUs: Us
  /** Where the post would stand in a feed if this were its first sight; of no meaning without facts. */
  readonly indexedAt: Us
  /** Undefined for a record that is not kept: a reply, or without tags. */
  readonly facts: PostFacts | undefined
  /** Why it is not kept. */
  readonly unkept?: Unkept | undefined
  /** Of a post that is kept: its own date, when it is readable. */
  readonly createdUs?: Us | undefined
  /** Of a post that is kept, where records are kept with it. */
  readonly record?: Readonly<Record<string, unknown>> | undefined
  /** What it does for posts that may be ours, as a reply and as a quote; left out: nothing. */
  readonly engages?: readonly Engagement[]
}

export interface DeletePost extends RecordOp {
  readonly kind: 'deletePost'
}

/** What a record does for a post, which may not be one of ours. */
export interface Engagement {
  readonly kind: EngagementKind
  /** Author and record key of the post. */
  readonly did: string
  readonly rkey: string
}

/** A like or repost. */
export interface PutMark extends RecordOp {
  readonly kind: 'putMark'
  readonly mark: 'like' | 'repost'
  readonly timeUs: Us
  /** Undefined when it is for a post that is not ours. */
  readonly engagement: Engagement | undefined
  /** The frame says that the record is new. */
  readonly isCreate?: boolean
}

export interface DeleteMark extends RecordOp {
  readonly kind: 'deleteMark'
  readonly mark: 'like' | 'repost'
}

export interface SetAccount {
  readonly kind: 'setAccount'
  readonly did: string
  readonly active: boolean
  readonly status: string | undefined
  /** The event's time: what was said before it is erased with the account. */
  readonly timeUs: Us
  /** By the clock of the frame, which is never ahead of ours. */
  readonly toldUs: Us
  /** Whether the frame was ahead of our clock. */
  readonly isAhead?: boolean
  /** By the account's own clock, as it says: `account.time`. */
  readonly time: Us
  /**
   * Set for what its own server says of an account that is hidden as deactivated: when it was told to be
   * so, by the clock of frames.
   */
  readonly foundSinceUs?: Us
}

export type PostOp = PutPost | DeletePost
export type MarkOp = PutMark | DeleteMark

/** A follow of a viewer; without a subject it is deleted, or names nobody. */
export interface SetFollow {
  readonly kind: 'setFollow'
  readonly did: string
  readonly rkey: string
  readonly rev: string
  /** DID. */
  readonly subject: string | undefined
}

/** What one event changes. */
export type Operation = PostOp | MarkOp | SetAccount | SetFollow

/**
 * Whether a mark matters only if its record was for a post of ours before, which a second create takes
 * away: else nothing is remembered of it.
 */
export function isStrangerMark({ engagement, isCreate }: PutMark): boolean {
  return engagement === undefined && isCreate === true
}

/** Position travels with the rows: there is no other way to save it. */
export interface Batch {
  readonly ops: readonly Operation[]
  /** Undefined when no frame of the batch had a time that may move the position. */
  readonly position: Position | undefined
  /**
   * `time_us` of the last frame that was later than the position before: what lag is measured by.
   * Undefined when there was none: the lag stays as it was.
   */
  readonly lastEventUs: Us | undefined
  /** Before the position there is a part of the stream that was not read. */
  readonly gap?: Gap | undefined
}
