import { sql } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import { prepareRows } from '../../db/statements/rowsStatement.ts'
import type { Us } from '../../time.ts'
import type { SetFollow } from '../events/operations.ts'

/** Whom viewers follow, as the stream tells it. Every method runs inside the transaction of its caller. */
export class FollowStore {
  readonly #statements: ReturnType<typeof prepareFollows>

  constructor(database: WriteDatabase) {
    this.#statements = prepareFollows(database)
  }

  /** The highest revision of each record wins, and between equal ones its end. */
  async apply(ops: readonly SetFollow[], nowUs: Us): Promise<void> {
    const last = new Map<string, SetFollow>()
    for (const op of ops) {
      const key = `${op.did}/${op.rkey}`
      const before = last.get(key)
      const isNewer = before === undefined || before.rev < op.rev
      if (isNewer || (before.rev === op.rev && op.subject === undefined)) {
        last.set(key, op)
      }
    }
    const rows = [...last.values()].map(({ did, rkey, rev, subject }) => [
      did,
      rkey,
      subject ?? null,
      rev,
      nowUs,
    ])
    await this.#statements.upsert.run(rows)
    await this.#statements.noteChanges.run(
      [...new Set(ops.map(({ did }) => did))].map((did) => [did]),
    )
  }

  /** All that is stored of a viewer goes with the account. */
  async erase(did: string): Promise<void> {
    for (const statement of this.#statements.erase) {
      await statement.run({ did })
    }
  }
}

function prepareFollows(database: WriteDatabase) {
  const eraseFrom = (table: 'follow' | 'less' | 'seen' | 'viewer', column: 'viewer' | 'did') =>
    database.prepare<{ did: string }>(
      (parameter) =>
        sql<never>`delete from ${sql.table(table)} where ${sql.ref(column)} = ${parameter('did')}`,
    )
  return {
    upsert: prepareRows(
      database,
      { viewer: 'text', rkey: 'text', subject: 'text', rev: 'text', told_us: 'integer' },
      (rows) => sql`insert into follow (viewer, rkey, subject, rev, told_us)
        select r.viewer, r.rkey, r.subject, r.rev, r.told_us from ${rows} as r
        cross join viewer where viewer.did = r.viewer
        on conflict (viewer, rkey) do update set subject = excluded.subject, rev = excluded.rev,
          told_us = excluded.told_us
        where follow.rev < excluded.rev or (follow.rev = excluded.rev and excluded.subject is null)`,
    ),
    noteChanges: prepareRows(
      database,
      { did: 'text' },
      (rows) => sql`update viewer set changes = changes + 1 where did in
        (select did from ${rows} as r)`,
    ),
    erase: [
      eraseFrom('follow', 'viewer'),
      eraseFrom('less', 'viewer'),
      eraseFrom('seen', 'viewer'),
      eraseFrom('viewer', 'did'),
    ],
  }
}
