/** What a file that is preloaded into the service does in the instant between rows and commit. */
import BetterSqlite3 from 'better-sqlite3'
import type pg from 'pg'
import { PostgresConnection } from '../../src/db/postgres/postgresConnection.ts'
import type { PostgresQuery } from '../../src/db/postgres/postgresConnection.ts'

/**
 * Called with the number of rows that the transaction has changed, on whichever engine this thread
 * writes to. What it throws takes the place of the commit.
 */
export function beforeCommit(listener: (changes: number) => void): void {
  watchSqlite(listener)
  watchPostgres(listener)
}

function watchSqlite(listener: (changes: number) => void): void {
  const { prototype } = BetterSqlite3
  const { exec } = prototype
  let before = 0
  prototype.exec = function watched(this: BetterSqlite3.Database, source: string) {
    if (source.startsWith('begin')) {
      before = changesOf(this)
    } else if (source === 'commit') {
      listener(changesOf(this) - before)
    }
    return exec.call(this, source)
  }
}

function changesOf(database: BetterSqlite3.Database): number {
  return Number(database.prepare('select total_changes()').pluck().get())
}

function watchPostgres(listener: (changes: number) => void): void {
  const { prototype } = PostgresConnection
  const { query } = prototype
  let changes = 0
  prototype.query = async function watched(
    this: PostgresConnection,
    asked: PostgresQuery | string,
  ): Promise<pg.QueryResult> {
    if (asked === 'begin') {
      changes = 0
    } else if (asked === 'commit') {
      listener(changes)
    }
    const result = await query.call(this, asked)
    changes += /^(INSERT|UPDATE|DELETE)$/.test(result.command) ? (result.rowCount ?? 0) : 0
    return result
  }
}
