import { sql } from 'kysely'
import type { WriteDatabase, Statement } from '../db/database.ts'
import { US_PER_SECOND } from '../time.ts'
import type { Us } from '../time.ts'
import type { IngestStatus } from './ingestStatus.ts'

/** Several times in the silence after which a session loses its lock. */
const TELL_EVERY_US = 2 * US_PER_SECOND

/** Writes the status of ingest into the store, for the processes that serve and those that stand by. */
export class StatusTeller {
  readonly #tell: Statement<{ toldUs: Us; status: string }, never>
  readonly #status: () => IngestStatus
  #toldUs = 0

  constructor(database: WriteDatabase, status: () => IngestStatus) {
    this.#status = status
    this.#tell = database.prepare(
      ({ value }) => sql<never>`insert into ingest_status (id, told_us, status)
        values (1, ${value('toldUs')}, ${value('status')})
        on conflict (id) do update set told_us = excluded.told_us, status = excluded.status`,
    )
  }

  async stepIfDue(nowUs: Us): Promise<boolean> {
    // A clock that was set back must not silence it.
    if (Math.abs(nowUs - this.#toldUs) < TELL_EVERY_US) {
      return false
    }
    this.#toldUs = nowUs
    await this.#tell.run({ toldUs: nowUs, status: JSON.stringify(this.#status()) })
    return true
  }
}
