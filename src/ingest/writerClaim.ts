import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Database, Statement } from '../db/database.ts'

/**
 * Tells whether another process has stored records since this one did: what is held in memory of the
 * store is not to be relied on then. Only SQLite lets two processes ingest, since nothing keeps a
 * second one from opening the file.
 */
export class WriterClaim {
  readonly #id: string = randomUUID()
  readonly #read: Statement<object, { writer: string }>
  readonly #write: Statement<{ writer: string }, never>
  #isHeld = false
  #losses = 0
  #intrusions = 0

  constructor(database: Database) {
    this.#read = database.prepare<object, { writer: string }>((db) => ({
      compile: () =>
        sql<{ writer: string }>`select writer from ingest_writer where id = 1`.compile(db),
    }))
    this.#write = database.prepare<{ writer: string }>((db, { value }) => ({
      compile: () =>
        sql<never>`insert into ingest_writer (id, writer) values (1, ${value('writer')})
          on conflict (id) do update set writer = excluded.writer`.compile(db),
    }))
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
   * Inside a transaction: makes this the process that has stored last. Answers whether it was so
   * already, and nothing has failed since it was claimed.
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
    return wasHeld
  }

  /** After a transaction that has failed, with which the claim may have gone. */
  drop(): void {
    this.#isHeld = false
  }
}
