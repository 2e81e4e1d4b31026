import type { SmallWrites } from '../db/smallWrites.ts'
import type { Logger } from '../logger.ts'

export interface ServedGenerations extends AsyncDisposable {
  /** A reader has been given a cursor into a generation. */
  note(generation: number): void
}

/** Much sooner than a generation that nobody has been served is dropped. */
const TELL_EVERY_MS = 10_000
const MAX_TOLD = 10_000

/** Marks in the store which generations readers hold cursors into: those are kept for a day. */
export function noteServedGenerations(writes: SmallWrites, logger: Logger): ServedGenerations {
  /** To be marked, and marked already. */
  let fresh = new Set<number>()
  const told = new Set<number>()
  let telling = Promise.resolve()
  const timer = setInterval(() => {
    telling = telling.then(tell)
  }, TELL_EVERY_MS).unref()

  async function tell(): Promise<void> {
    if (fresh.size === 0) {
      return
    }
    const ids = [...fresh]
    fresh = new Set()
    try {
      await writes.write(async ({ kysely }) => {
        await kysely.updateTable('generation').set({ served: 1 }).where('id', 'in', ids).execute()
      })
      ids.forEach((id) => told.add(id))
    } catch (error) {
      // There are minutes to succeed in.
      ids.forEach((id) => fresh.add(id))
      logger.debug({ event: 'servedNotTold', error }, 'served generations could not be noted')
    }
    if (told.size > MAX_TOLD) {
      told.clear()
    }
  }

  return {
    note: (generation) => {
      if (!told.has(generation)) {
        fresh.add(generation)
      }
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      telling = telling.then(tell)
      await telling
    },
  }
}
