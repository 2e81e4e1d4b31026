import { sql } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import type { Us } from '../../time.ts'
import type { SetFollow } from '../events/operations.ts'

/** A list of follows may be read this soon after its viewer has asked for the first time. */
const LOOK_EVERY_MS = 400
/** Of the whole network, a minute and more. */
const MAX_STRANGERS = 5_000
/** Who was forgotten is heard for so long. */
const RELOAD_EVERY_MS = 10 * 60_000

/**
 * Whose follows are kept: the viewers of following feeds. Those who serve write down who asks; ingest marks
 * since when it hears them, so that a list that was read before is read again.
 */
export class KnownViewers {
  readonly #database: WriteDatabase
  readonly #store: (ops: readonly SetFollow[], nowUs: Us) => Promise<void>
  readonly #statements: ReturnType<typeof prepareViewers>
  #dids = new Set<string>()
  /** The latest follows of strangers, in their order: one of them may just have become a viewer. */
  #strangers: SetFollow[] = []
  #nextMs = 0
  #reloadMs = 0

  /** `store`: stores what a stranger had followed before it was known as a viewer. */
  constructor(
    database: WriteDatabase,
    store: (ops: readonly SetFollow[], nowUs: Us) => Promise<void>,
  ) {
    this.#database = database
    this.#store = store
    this.#statements = prepareViewers(database)
  }

  /** Whether a follow is one of a viewer; others are held for a while. */
  takes(op: SetFollow): boolean {
    if (this.#dids.has(op.did)) {
      return true
    }
    this.#strangers.push(op)
    if (this.#strangers.length >= 2 * MAX_STRANGERS) {
      this.#strangers = this.#strangers.slice(-MAX_STRANGERS)
    }
    return false
  }

  /** When a look is due, in milliseconds. */
  dueInMs(): number {
    return Math.max(0, this.#nextMs - performance.now())
  }

  async load(): Promise<void> {
    const rows = await this.#statements.all.all({})
    this.#dids = new Set(rows.map(({ did }) => did))
    this.#reloadMs = performance.now() + RELOAD_EVERY_MS
  }

  async stepIfDue(nowUs: Us): Promise<boolean> {
    if (performance.now() < this.#nextMs) {
      return false
    }
    this.#nextMs = performance.now() + LOOK_EVERY_MS
    if (performance.now() >= this.#reloadMs) {
      await this.load()
    }
    const rows = await this.#statements.unheard.all({})
    if (rows.length === 0) {
      return false
    }
    // First heard, then marked: what comes between the two is kept already.
    rows.forEach(({ did }) => this.#dids.add(did))
    const held = this.#strangers.filter(({ did }) => this.#dids.has(did))
    this.#strangers = this.#strangers.filter(({ did }) => !this.#dids.has(did))
    if (held.length > 0) {
      await this.#store(held, nowUs)
    }
    await this.#database.transaction(async () => {
      await this.#statements.mark.run({ nowUs })
    })
    return true
  }
}

function prepareViewers(database: WriteDatabase) {
  return {
    all: database.prepare<object, { did: string }>(
      () => sql<{ did: string }>`select did from viewer`,
    ),
    unheard: database.prepare<object, { did: string }>(
      () => sql<{ did: string }>`select did from viewer where heard_us < 0`,
    ),
    mark: database.prepare<{ nowUs: Us }>(
      ({ value }) => sql<never>`update viewer set heard_us = ${value('nowUs')} where heard_us < 0`,
    ),
  }
}
