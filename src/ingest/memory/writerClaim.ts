import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { WriteDatabase, Statement } from '../../db/database.ts'

/**
 * One row of the store that names the process which has stored records last. Only SQLite lets two
 * processes store records, since nothing keeps a second one from opening the file.
 */
export class WriterClaim {
  readonly #id: string = randomUUID()
  readonly #read: Statement<object, { writer: string }>
  readonly #write: Statement<{ writer: string }, never>

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

  /**
   * Inside a transaction that changes records: makes this the process that has stored last. Returns
   * whether it was that already.
   */
  async renew(): Promise<boolean> {
    const [row] = await this.#read.all({})
    const wasOurs = row?.writer === this.#id
    if (!wasOurs) {
      await this.#write.run({ writer: this.#id })
    }
    return wasOurs
  }
}
