import { sql } from 'kysely'
import type { WriteDatabase } from '../db/database.ts'
import { migrate } from '../db/upgrade/migrate.ts'
import { emptyTables, hasTable } from '../db/upgrade/tables.ts'
import { ALL_TABLES, COPIED_TABLES, LARGE_TABLES } from './copiedTables.ts'
import { createProgress, loadProgress, saveProgress } from './copyProgress.ts'
import type { CopyProgress } from './copyProgress.ts'
import { readSourceState } from './sourceState.ts'

export interface Begun {
  readonly progress: CopyProgress
  /** `anew`: rows that were copied before were of no use. */
  readonly how: 'empty' | 'resumed' | 'anew'
}

/**
 * Makes the target an unfinished copy of the source, or finds that it is one.
 * @throws when the target has data of its own; it is not changed then
 */
export async function beginCopy(
  source: WriteDatabase,
  target: WriteDatabase,
  identity: string,
): Promise<Begun> {
  const state = await readSourceState(source)
  const fresh: CopyProgress = {
    source: identity,
    sourceState: state,
    table: LARGE_TABLES[0]?.name ?? null,
    lastKey: null,
    rows: 0,
  }
  const known = await loadProgress(target)
  if (known === undefined) {
    await refuseData(target)
    await migrate(target)
    await target.transaction(async () => {
      await createProgress(target)
      await saveProgress(target, fresh)
    })
    return { progress: fresh, how: 'empty' }
  }
  if (known.source !== identity) {
    throw new Error(
      `TO is an unfinished copy of another database, ${known.source}: ` +
        'go on with that one, or name an empty database',
    )
  }
  await migrate(target)
  if (known.sourceState === state) {
    return { progress: known, how: 'resumed' }
  }
  await target.transaction(async () => {
    await emptyTables(
      target,
      COPIED_TABLES.map(({ name }) => name),
    )
    await saveProgress(target, fresh)
  })
  return { progress: fresh, how: 'anew' }
}

async function refuseData(target: WriteDatabase): Promise<void> {
  for (const name of ALL_TABLES) {
    if (await hasTable(target, name)) {
      const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(target.kysely)
      if (rows.length > 0) {
        throw new Error(
          `TO has data of its own, in the table ${name}, and is left as it is: name an empty database`,
        )
      }
    }
  }
}
