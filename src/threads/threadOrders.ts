import { parentPort } from 'node:worker_threads'

/** What a thread is told by the one that has started it: first to begin, at some time to stop. */
export type ThreadOrder = 'begin' | 'stop'

export interface ThreadOrders {
  /** Resolves when the thread is to begin; until then there may be no database. */
  readonly begun: Promise<void>
  /** Aborts when it is to end. */
  readonly stop: AbortSignal
}

/** Listens to them, on the thread that is told. */
export function listenToOrders(): ThreadOrders {
  const begun = Promise.withResolvers<void>()
  const stop = new AbortController()
  // Others post here too, such as `node --watch`: what is no order is nobody's business here.
  parentPort?.on('message', (order: unknown) => {
    if (order === ('begin' satisfies ThreadOrder)) {
      begun.resolve()
    } else if (order === ('stop' satisfies ThreadOrder)) {
      stop.abort()
    }
  })
  return { begun: begun.promise, stop: stop.signal }
}
