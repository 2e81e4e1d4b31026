import { openWriter } from '../db/openDatabase.ts'
import type { Logger } from '../logger.ts'

export interface ServedGenerations extends AsyncDisposable {
  /** A reader has been given a cursor into a generation. */
  note(generation: number): void
}

/** Much sooner than a generation that nobody has been served is dropped. */
const TELL_EVERY_MS = 10_000
/** This runs on the thread that answers readers: it must not wait. */
const BUSY_MS = 50

/** Tells the store which generations readers hold cursors into: those are kept for a day. */
export function noteServedGenerations(databaseUrl: string, logger: Logger): ServedGenerations {
  /** To be told, and told already. */
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
      await using writer = await openWriter(databaseUrl, {
        lockTimeoutMs: BUSY_MS,
        mustExist: true,
      })
      await writer.kysely
        .updateTable('generation')
        .set({ served: 1 })
        .where('id', 'in', ids)
        .execute()
      ids.forEach((id) => told.add(id))
    } catch (error) {
      // Locked by a batch, most likely; there are minutes to succeed in.
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

const MAX_TOLD = 10_000
