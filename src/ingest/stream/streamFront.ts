import { US_PER_HOUR, US_PER_SECOND } from '../../time.ts'
import type { Us } from '../../time.ts'

/** A frame that is farther ahead of those before it has to be followed by others like it. */
const NEAR_US = 5 * US_PER_SECOND
const RUN = 5

/** Frames that are farther behind the others are not waited for. */
export const MAX_DISORDER_US = US_PER_HOUR

/**
 * How far one connection has come: the greatest time that its frames have reached together. One frame
 * that is ahead of the others does not move the front while they go on behind it: what a position claims
 * to be read has to have been sent. When the stream falls silent the greatest time is the front.
 */
export class StreamFront {
  /** 0 until it is known where the connection has begun. */
  us: Us = 0
  /** The time that it has begun with; undefined until then. */
  firstUs: Us | undefined
  /** The farthest that a frame lay behind the front. */
  disorderUs: Us = 0
  /**
   * The front before it was moved by less than a run of frames: until others come it may be one frame
   * that is ahead of a stream that stands still. As great as the front when there is no such doubt.
   */
  doubtUs: Us = 0
  /** Good frames in a row that are far ahead of the front. */
  #run: Us[] = []
  #greatestUs: Us = 0
  /** Good frames in a row that came at the front, or a little past it, since silence has moved it. */
  #near = 0
  /** A front of before, and how many good frames have come past it since: of a stream that is quiet. */
  #former = { us: 0, follows: 0 }
  /** The farthest that a frame lay behind the greatest before it. */
  #spreadUs: Us = 0

  /** Whether silence would move it. */
  get isUnsettled(): boolean {
    return this.#greatestUs > this.us
  }

  /** A frame has been read. The time of one that was rejected proves nothing about others. */
  note(timeUs: Us, isGood: boolean): void {
    if (timeUs > this.#greatestUs) {
      this.#greatestUs = timeUs
    } else {
      this.#spreadUs = Math.max(this.#spreadUs, this.#greatestUs - timeUs)
    }
    if (this.us > 0 && timeUs <= this.us + NEAR_US) {
      this.#follow(timeUs, isGood)
      this.#advance(timeUs)
      if (isGood && this.#run.length > 0) {
        this.#run = []
      }
    } else if (isGood) {
      this.#run.push(timeUs)
      while (this.#run.length >= RUN) {
        this.#advance(Math.min(...this.#run))
        this.doubtUs = this.us
        this.#run = this.#run.filter((us) => us > this.us + NEAR_US)
      }
    }
  }

  /** Nothing has come for a while: there is nothing that what was far ahead could be ahead of. */
  settle(): void {
    if (!this.isUnsettled) {
      return
    }
    if (this.us === 0 && this.#run.length === 0) {
      this.#greatestUs = 0
      return
    }
    const sureUs = this.#sureBefore()
    this.#begin()
    // However far that is: what lies between may still be to come, and is asked for again.
    this.us = this.#greatestUs
    this.disorderUs = Math.max(this.disorderUs, Math.min(this.#spreadUs, MAX_DISORDER_US))
    this.doubtUs = sureUs
    this.#run = []
    this.#near = 0
    if (this.#former.follows < 0) {
      this.#former = { us: this.us, follows: 0 }
    }
  }

  /**
   * What is sure before silence moves the front. When enough frames have come past a former front, that
   * was none that was ahead of all others, and the front of now is the next to be followed.
   */
  #sureBefore(): Us {
    const { us, follows } = this.#former
    const isDoubted = this.doubtUs < this.us
    const more = follows + this.#near + this.#run.length
    const isFollowed = isDoubted && more >= RUN
    this.#former = { us, follows: isDoubted && !isFollowed ? more : -1 }
    return isFollowed ? Math.max(us, this.#sureUs) : this.#sureUs
  }

  /**
   * The connection has ended in the middle of what it was sending. The last frame may have been the one
   * that was far ahead; those before it show that there is a way on, and no more than that.
   */
  end(): void {
    const second = this.#run.toSorted((a, b) => b - a)[1]
    if (second !== undefined) {
      const sureUs = this.#sureUs
      this.#begin()
      this.#advance(second)
      this.doubtUs = sureUs
    }
    this.#greatestUs = this.us
    this.#run = []
  }

  /** 0 before it has begun. */
  get #sureUs(): Us {
    return Math.min(this.doubtUs, this.us)
  }

  /** The earliest frame of a connection is where it begins. */
  #begin(): void {
    if (this.us === 0) {
      this.#advance(Math.min(...this.#run))
    }
  }

  /** One frame more at the front takes a doubt as little away as one brings it: a run of them does. */
  #follow(timeUs: Us, isGood: boolean): void {
    if (timeUs < this.us - NEAR_US) {
      this.#near = 0
      this.#former = { us: this.#former.us, follows: 0 }
    } else if (isGood && timeUs >= this.us) {
      this.#near += 1
      if (this.#near >= RUN) {
        this.doubtUs = this.us
      }
    }
  }

  #advance(timeUs: Us): void {
    this.firstUs ??= timeUs
    if (timeUs >= this.us) {
      this.doubtUs = this.doubtUs >= this.us ? timeUs : this.doubtUs
      this.us = timeUs
    } else {
      this.disorderUs = Math.max(this.disorderUs, this.us - timeUs)
    }
  }
}
