import { sql } from 'kysely'
import type { WriteDatabase } from '../db/database.ts'
import { raiseSequences, readSequences } from '../db/sequences.ts'
import { prepareRows } from '../db/statements/rowsStatement.ts'
import { emptyTables } from '../db/upgrade/tables.ts'
import type { ShapedTable } from './copiedTables.ts'
import { saveProgress } from './copyProgress.ts'
import type { CopyProgress } from './copyProgress.ts'
import { preparePages } from './tablePages.ts'
import type { Row } from './tablePages.ts'

export interface CopyWork {
  readonly source: WriteDatabase
  readonly target: WriteDatabase
  readonly stepRows: number
  /** Called after every step of so many rows; what it throws ends the work there. */
  readonly onStep: (table: string, rows: number) => Promise<void>
}

/** Copies what is left of the large tables, in steps that are transactions of the target. */
export async function copyLargeTables(
  work: CopyWork,
  tables: readonly ShapedTable[],
  begun: CopyProgress,
): Promise<void> {
  const { source, target, stepRows, onStep } = work
  let progress = begun
  const first = tables.findIndex(({ name }) => name === begun.table)
  for (const [index, table] of tables.entries()) {
    if (first === -1 || index < first) {
      continue
    }
    const pages = preparePages(source, table, stepRows)
    const insert = prepareInsert(target, table)
    while (progress.table === table.name) {
      const rows = await pages.after(progress.lastKey)
      const last = rows.at(-1)
      const isDone = rows.length < stepRows || last === undefined
      const next: CopyProgress = {
        ...progress,
        table: isDone ? (tables[index + 1]?.name ?? null) : table.name,
        lastKey: isDone ? null : pages.keyOf(last),
        rows: progress.rows + rows.length,
      }
      await target.transaction(async () => {
        await insert(rows)
        await saveProgress(target, next)
      })
      progress = next
      await onStep(table.name, rows.length)
    }
  }
}

/** Copies the small tables, whatever the target has of them, and what gives ids to new rows. */
export async function copySmallTables(
  { source, target, stepRows }: CopyWork,
  tables: readonly ShapedTable[],
): Promise<void> {
  await target.transaction(async () => {
    await emptyTables(
      target,
      tables.map(({ name }) => name),
    )
    for (const table of tables) {
      const pages = preparePages(source, table, stepRows)
      const insert = prepareInsert(target, table)
      let rows = await pages.after(null)
      while (rows.length > 0) {
        await insert(rows)
        rows = await pages.after(pages.keyOf(rows.at(-1) ?? []))
      }
    }
    await raiseSequences(target, await readSequences(source))
  })
}

function prepareInsert(
  target: WriteDatabase,
  { name, shape }: ShapedTable,
): (rows: readonly Row[]) => Promise<void> {
  const columns = sql.join(Object.keys(shape).map((column) => sql.ref(column)))
  const insert = prepareRows(
    target,
    shape,
    (rows) =>
      sql<never>`insert into ${sql.table(name)} (${columns}) select ${columns} from ${rows} as copied`,
  )
  return (rows) => insert.run(rows)
}
