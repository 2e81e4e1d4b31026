import { createHash } from 'node:crypto'
import type { WriteDatabase } from '../db/database.ts'
import { readSequences } from '../db/sequences.ts'
import { countOf } from '../texts/countOf.ts'
import type { ShapedTable } from './copiedTables.ts'
import type { CopyWork } from './copyTables.ts'
import { preparePages } from './tablePages.ts'

/** The target does not hold what the source does. */
export class CopyDiffersError extends Error {
  override name = 'CopyDiffersError'
}

export interface VerifiedTable {
  readonly name: string
  readonly rows: number
}

interface Digest {
  readonly rows: number
  readonly checksum: string
}

/**
 * Reads both databases from end to end and compares, for each table, the number of rows and a checksum
 * over all of them in the order of their key; then what gives ids to new rows.
 * @throws CopyDiffersError naming the first table that differs
 */
export async function verifyTables(
  { source, target, stepRows, onStep }: CopyWork,
  tables: readonly ShapedTable[],
): Promise<VerifiedTable[]> {
  const verified: VerifiedTable[] = []
  for (const table of tables) {
    const [wanted, found] = await Promise.all([
      digestTable(source, table, stepRows, (rows) => onStep(table.name, rows)),
      digestTable(target, table, stepRows, () => onStep(table.name, 0)),
    ])
    if (wanted.rows !== found.rows) {
      throw differs(table.name, `FROM has ${countOf(wanted.rows, 'row')}, TO has ${found.rows}`)
    }
    if (wanted.checksum !== found.checksum) {
      throw differs(table.name, 'some of its rows are not the same')
    }
    verified.push({ name: table.name, rows: wanted.rows })
  }
  const sequences = await readSequences(target)
  for (const [name, last] of await readSequences(source)) {
    if ((sequences.get(name) ?? 0) < last) {
      throw differs(name, 'TO would give ids that FROM has given already')
    }
  }
  return verified
}

function differs(table: string, how: string): CopyDiffersError {
  return new CopyDiffersError(
    `the copy of the table ${table} differs: ${how}. TO is not to be used; the same command copies anew`,
  )
}

async function digestTable(
  database: WriteDatabase,
  table: ShapedTable,
  stepRows: number,
  onPage: (rows: number) => Promise<void>,
): Promise<Digest> {
  const pages = preparePages(database, table, stepRows)
  const hash = createHash('sha256')
  let count = 0
  let rows = await pages.after(null)
  while (rows.length > 0) {
    // JSON keeps texts, numbers and null apart, and columns and rows.
    hash.update(JSON.stringify(rows).slice(1, -1)).update(',')
    count += rows.length
    await onPage(rows.length)
    rows = rows.length < stepRows ? [] : await pages.after(pages.keyOf(rows.at(-1) ?? []))
  }
  return { rows: count, checksum: hash.digest('hex') }
}
