import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

export interface PageRow {
  readonly indexed_at: number
  readonly cid: string
  readonly uri: string
}

export type PageStatements = ReturnType<typeof preparePageStatements>

/** All SQL of a page, prepared once and shared by all feeds of a connection. */
export function preparePageStatements(database: Database) {
  return {
    /** The posts of a filter below a place and not older than a moment: one seek, one short scan. */
    recent: database.prepare<
      {
        filterId: number
        indexedAt: number
        cid: string
        uri: string
        oldest: number
        limit: number
      },
      PageRow
    >((db, parameter) =>
      db
        .selectFrom('filter_post')
        .select(['indexed_at', 'cid', 'uri'])
        .where('filter_id', '=', parameter('filterId'))
        // The row-value form seeks; the same written with `or` scans from the top.
        .where(
          sql<boolean>`(indexed_at, cid, uri) < (${parameter('indexedAt')}, ${parameter('cid')}, ${parameter('uri')})`,
        )
        .where('indexed_at', '>=', parameter('oldest'))
        .orderBy('indexed_at', 'desc')
        .orderBy('cid', 'desc')
        .orderBy('uri', 'desc')
        .limit(parameter('limit')),
    ),
    /** Whether a post that is not necessarily kept may be shown: one row, 1 for gone or hidden. */
    isGone: database.prepare<{ did: string; rkey: string }, { gone: number }>((db, parameter) => ({
      compile: () =>
        sql<{ gone: number }>`select case
          when exists (select 1 from record_trace where rkey = ${parameter('rkey')}
            and did = ${parameter('did')} and fate = 1) then 1
          when exists (select 1 from account where did = ${parameter('did')} and active = 0) then 1
          else 0 end as gone`.compile(db),
    })),
  }
}
