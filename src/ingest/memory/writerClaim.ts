import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { WriteDatabase, Statement } from '../../db/database.ts'

/**
 * Tells whether what is held in memory of the store may be relied on: not after another process has
 * stored records, and not after a transaction of this one has failed, until it has been read again. Only
 * SQLite lets two processes store records, since nothing keeps a second one from opening the file.
 */
export class WriterClaim {
  readonly #id: string = randomUUID()
  readonly #read: Statement<object, { writer: string }>
  readonly #write: Statement<{ writer: string }, never>
  #isHeld = false
  #losses = 0
  #intrusions = 0
  /** The number of losses when memory was last read. */
  #confirmed = -1

  constructor(database: WriteDatabase) {
    this.#read = database.prepare<object, { writer: string }>(
      () => sql<{ writer: string }>`select writer from ingest_writer where id = 1`,
    )
    this.#write = database.prepare<{ writer: string }>(
      ({
        value,
      }) => sql<never>`insert into ingest_writer (id, writer) values (1, ${value('writer')})
        on conflict (id) do update set writer = excluded.writer`,
    )
  }

  /** How often what was known of the store has become worthless: by a failure, or by an intrusion. */
  get losses(): number {
    return this.#losses
  }

  /** How often another process has stored records since this one did. */
  get intrusions(): number {
    return this.#intrusions
  }

  /**
   * Inside a transaction that changes records: makes this the process that has stored last. Answers
   * whether memory may be relied on in it.
   */
  async renew(): Promise<boolean> {
    const [row] = await this.#read.all({})
    const wasHeld = this.#isHeld && row?.writer === this.#id
    if (!wasHeld) {
      this.#losses += 1
      this.#intrusions += this.#isHeld ? 1 : 0
      this.#isHeld = true
      await this.#write.run({ writer: this.#id })
    }
    return wasHeld && this.#confirmed === this.#losses
  }

  /** Memory has been read since there were so many losses. */
  confirm(losses: number): void {
    this.#confirmed = losses
  }

  /** After a transaction that has failed, with which the claim may have gone. */
  drop(): void {
    this.#isHeld = false
  }
}
