import type { ReadDatabase } from '../db/database.ts'
import { prepareViewerStatements } from './viewerStatements.ts'
import { MAX_FOLLOWS } from './walkFollows.ts'

/** Whom somebody follows, themselves left out, by what is stored: nobody is asked. */
export async function readStoredFollows(
  reader: ReadDatabase,
  did: string,
): Promise<ReadonlySet<string>> {
  const { follows } = prepareViewerStatements(reader)
  const rows = await follows.all({ did, limit: MAX_FOLLOWS })
  const subjects = new Set(rows.map(({ subject }) => subject))
  subjects.delete(did)
  return subjects
}
