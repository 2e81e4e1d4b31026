import type { StreamFrame } from './streamFrame.ts'

export interface FrameBufferOptions {
  /** Above either of these the socket is paused. */
  readonly maxFrames: number
  readonly maxBytes: number
}

export interface TakeOptions {
  readonly max: number
  readonly waitMs: number
  readonly fillMs: number
  /** Instead of `fillMs` where a frame is urgent; no shorter when left out. */
  readonly hurryMs?: number
  readonly isUrgent?: (frame: StreamFrame) => boolean
  readonly signal: AbortSignal
}

/**
 * Frames between the socket and the store. It is bounded by pausing the socket: once `isFull`, the
 * producer stops until `onDrained` is called. Frames that the socket has already read still fit.
 */
export class FrameBuffer {
  readonly #options: FrameBufferOptions
  #frames: StreamFrame[] = []
  #bytes = 0
  #wake: (() => void) | undefined
  #drained = new Set<() => void>()

  constructor(options: FrameBufferOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#frames.length
  }

  get isFull(): boolean {
    return this.#frames.length >= this.#options.maxFrames || this.#bytes >= this.#options.maxBytes
  }

  /** Whether so much beside it is as much as it may hold itself. */
  isTooMuch(bytes: number): boolean {
    return bytes >= this.#options.maxBytes
  }

  push(frame: StreamFrame): void {
    this.#frames.push(frame)
    this.#bytes += frame.to - frame.from
    this.#wake?.()
  }

  /** Calls back once, when there is room again. */
  onDrained(callback: () => void): void {
    this.#drained.add(callback)
  }

  /**
   * Waits up to `waitMs` for a frame, then for more until there are `max` or `fillMs` have passed, or
   * `hurryMs` if one of them is urgent.
   * A signal that aborts ends the waiting; frames that are there then are still handed out.
   */
  async take(options: TakeOptions): Promise<StreamFrame[]> {
    const { max, waitMs, fillMs, hurryMs = fillMs, isUrgent = () => false, signal } = options
    await this.#waitFor(() => this.#frames.length > 0, waitMs, signal)
    if (this.#frames.length > 0) {
      const startedAt = performance.now()
      const isFilled = (): boolean => this.#frames.length >= max
      let looked = 0
      /** Each frame is looked at once. */
      const isHurried = (): boolean => {
        let isFound = false
        while (!isFound && looked < this.#frames.length) {
          isFound = isUrgent(this.#frames[looked] as StreamFrame)
          looked += 1
        }
        return isFound
      }
      await this.#waitFor(() => isFilled() || isHurried(), fillMs, signal)
      await this.#waitFor(isFilled, startedAt + hurryMs - performance.now(), signal)
    }
    return this.#remove(max)
  }

  /** Throws frames away. */
  discard(isUnwanted: (frame: StreamFrame) => boolean): void {
    this.#frames = this.#frames.filter((frame) => !isUnwanted(frame))
    this.#bytes = this.#frames.reduce((sum, { from, to }) => sum + to - from, 0)
    this.#callDrained()
  }

  #remove(max: number): StreamFrame[] {
    const taken = this.#frames.length <= max ? this.#frames : this.#frames.slice(0, max)
    this.#frames = this.#frames.length <= max ? [] : this.#frames.slice(max)
    for (const { from, to } of taken) {
      this.#bytes -= to - from
    }
    this.#callDrained()
    return taken
  }

  #callDrained(): void {
    if (!this.isFull) {
      const callbacks = this.#drained
      this.#drained = new Set()
      for (const callback of callbacks) {
        callback()
      }
    }
  }

  #waitFor(isThere: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const isEnough = (): boolean => isThere() || this.isFull
    if (timeoutMs <= 0 || isEnough() || signal.aborted) {
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(done, timeoutMs)
      this.#wake = () => {
        if (isEnough()) {
          done()
        }
      }
      signal.addEventListener('abort', done)
    })
  }
}
