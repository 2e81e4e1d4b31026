import { sql } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import { prepareRows } from '../../db/statements/rowsStatement.ts'
import { authorOf, rkeyOf } from '../../posts/postUri.ts'
import type { Us } from '../../time.ts'
import type { RecordStore } from '../store/recordStore.ts'

export interface SeenIntakeOptions {
  readonly database: WriteDatabase
  readonly store: RecordStore
  /** Views of older posts are not counted. */
  readonly windowUs: Us
  /** The earlier of our clock and the stream: the window ends here. */
  readonly reachedUs: (nowUs: Us) => Us
}

interface SeenRow {
  readonly viewer: string
  readonly uri: string
}

const EVERY_MS = 1_000
/** A few milliseconds of work. */
const AT_ONCE = 300

/**
 * Counts what viewers have seen. Those who serve write it down in `seen`, since only the session that
 * ingests writes what posts have; a row leaves in the transaction that counts it.
 */
export class SeenIntake {
  readonly #options: SeenIntakeOptions
  readonly #statements: ReturnType<typeof prepareSeen>
  #nextMs = 0

  constructor(options: SeenIntakeOptions) {
    this.#options = options
    this.#statements = prepareSeen(options.database)
  }

  async stepIfDue(nowUs: Us): Promise<boolean> {
    if (performance.now() < this.#nextMs) {
      return false
    }
    this.#nextMs = performance.now() + EVERY_MS
    const rows = await this.#statements.first.all({ limit: AT_ONCE })
    if (rows.length === 0) {
      return false
    }
    await this.#count(rows, nowUs)
    if (rows.length === AT_ONCE) {
      // The rest soon, but batches come between.
      this.#nextMs = performance.now() + EVERY_MS / 20
    }
    return true
  }

  async #count(rows: readonly SeenRow[], nowUs: Us): Promise<void> {
    const { store, windowUs, reachedUs } = this.#options
    const views = rows.map(({ viewer, uri }) => {
      return { viewer, did: authorOf(uri), rkey: rkeyOf(uri) }
    })
    await store.write({ nowUs }, async () => {
      const accounts = await store.accounts.load(views.map(({ viewer }) => viewer))
      const sinceUs = reachedUs(nowUs) - windowUs
      await store.engagements.see(views, accounts, { nowUs, sinceUs })
      await store.moves.save(accounts)
      await this.#statements.remove.run(rows.map(({ viewer, uri }) => [viewer, uri]))
    })
  }
}

function prepareSeen(database: WriteDatabase) {
  return {
    first: database.prepare<{ limit: number }, SeenRow>(
      (parameter) => sql<SeenRow>`select viewer, uri from seen limit ${parameter('limit')}`,
    ),
    remove: prepareRows(
      database,
      { viewer: 'text', uri: 'text' },
      (rows) => sql`delete from seen where (viewer, uri) in (select viewer, uri from ${rows} as r)`,
    ),
  }
}
