/** A process of its own that reads a copy from end to end, which takes minutes: `runApart` starts it. */
import { sql } from 'kysely'
import { migrationsFor } from '../db/migrations/index.ts'
import { openSqlite } from '../db/sqlite/sqlite.ts'
import { findMissing } from '../db/upgrade/halfMade.ts'
import { findDue } from '../db/upgrade/migrate.ts'
import { describeError } from '../errors.ts'

/** What is wrong with a copy; empty when it is whole. */
async function findFaults(path: string): Promise<string[]> {
  await using database = openSqlite({ path, readonly: true, mustExist: true })
  const { kysely, dialect } = database
  const due = new Set(await findDue(database))
  const all = Object.entries(migrationsFor(dialect))
  const done = Object.fromEntries(all.filter(([name]) => !due.has(name)))
  const missing = await findMissing(database, done)
  const checked = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(kysely)
  const faults = checked.rows.map((row) => row.integrity_check).filter((text) => text !== 'ok')
  return [...missing.map((name) => `it lacks ${name}`), ...faults]
}

try {
  const faults = await findFaults(process.argv[2] ?? '')
  if (faults.length > 0) {
    throw new Error(`the copy is not whole: ${faults.slice(0, 10).join('; ')}`)
  }
} catch (error) {
  process.stderr.write(describeError(error))
  process.exitCode = 1
}
