import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'

export interface ViewerRow {
  readonly asked_us: number
  readonly walked_us: number
  readonly heard_us: number
  readonly changes: number
}

export type ViewerStatements = ReturnType<typeof prepareViewerStatements>

/** All SQL by which viewers are read. */
export function prepareViewerStatements(database: ReadDatabase) {
  return {
    viewer: database.prepare<{ did: string }, ViewerRow>(
      (parameter) => sql<ViewerRow>`select asked_us, walked_us, heard_us, changes from viewer
        where did = ${parameter('did')}`,
    ),
    /** Whom somebody follows, the newest first. */
    follows: database.prepare<{ did: string; limit: number }, { subject: string }>(
      (parameter) => sql<{ subject: string }>`select subject from follow
        where viewer = ${parameter('did')} and subject is not null
        order by rkey desc limit ${parameter('limit')}`,
    ),
    /** What somebody asked to see less of. */
    less: database.prepare<{ did: string; nowUs: number }, { uri: string }>(
      (parameter) => sql<{ uri: string }>`select uri from less
        where viewer = ${parameter('did')} and until_us > ${parameter('nowUs')}`,
    ),
    /** Who has asked to see less of something since a moment. */
    lessSince: database.prepare<{ sinceUs: number }, { viewer: string; asked_us: number }>(
      (parameter) => sql<{ viewer: string; asked_us: number }>`select viewer, asked_us from less
        where asked_us >= ${parameter('sinceUs')}`,
    ),
  }
}
