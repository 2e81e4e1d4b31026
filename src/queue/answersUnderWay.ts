import type { Asked } from './clientConnection.ts'
import { TOO_SLOW, sendError } from './plainErrors.ts'
import type { RequestKind } from './shedder.ts'

/** The AppView leaves after five seconds: what would be answered later helps nobody. */
export const MAX_ANSWER_MS = 4_000
/** A little earlier, so that the error is there in time. */
const GIVE_UP_MS = 3_900
const LOOK_EVERY_MS = 100

/** More than these at a time would only wait in another place, where nobody turns them away. */
const MAX_UNDER_WAY: Readonly<Record<RequestKind, number>> = { reader: 256, page: 32 }

export interface UnderWayOptions {
  /** One was given up. */
  readonly late: (asked: Asked) => void
  /** There is room for another one. */
  readonly ended: () => void
}

/** Requests whose answers are being made: of a database of another machine, or a page of many parts. */
export class AnswersUnderWay implements Disposable {
  readonly #options: UnderWayOptions
  readonly #kinds = new Map<Asked, RequestKind>()
  readonly #counts: Record<RequestKind, number> = { reader: 0, page: 0 }
  #timer: NodeJS.Timeout | undefined

  constructor(options: UnderWayOptions) {
    this.#options = options
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  hasRoom(kind: RequestKind): boolean {
    return this.#counts[kind] < MAX_UNDER_WAY[kind]
  }

  add(kind: RequestKind, asked: Asked): void {
    this.#kinds.set(asked, kind)
    this.#counts[kind] += 1
    const end = (): void => this.#end(asked)
    // Made, not read: a client that does not read takes nobody's place.
    asked.response.once('prefinish', end)
    asked.response.once('close', end)
    this.#timer ??= setInterval(() => this.#giveUpLate(), LOOK_EVERY_MS).unref()
  }

  #end(asked: Asked): void {
    const kind = this.#kinds.get(asked)
    if (kind !== undefined) {
      this.#kinds.delete(asked)
      this.#counts[kind] -= 1
      this.#options.ended()
      if (this.#kinds.size === 0) {
        clearInterval(this.#timer)
        this.#timer = undefined
      }
    }
  }

  #giveUpLate(): void {
    const before = performance.now() - GIVE_UP_MS
    for (const asked of this.#kinds.keys()) {
      if (asked.arrivedAt < before && !asked.isOver) {
        giveUp(asked)
        this.#options.late(asked)
      }
    }
  }
}

/** Answers that it takes too long; what works for the answer stops. */
export function giveUp(asked: Asked): void {
  asked.isOver = true
  if (asked.response.headersSent) {
    asked.response.destroy()
  } else {
    sendError(asked.response, TOO_SLOW)
  }
}
