import { sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { Database } from './database.ts'
import { migrationsFor } from './migrations/index.ts'

/**
 * Brings the tables to the form that this version needs, forward only.
 * @throws when a migration fails, or the database is from a newer version.
 */
export async function migrate(database: Database): Promise<void> {
  const migrator = new Migrator({
    db: database.kysely,
    provider: { getMigrations: () => Promise.resolve(migrationsFor(database.dialect)) },
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) {
    throw new Error('cannot migrate the database', { cause: error })
  }
}

/** Whether the tables have the form that this version needs; for a connection that cannot write. */
export async function isMigrated(database: Database): Promise<boolean> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(
    database.kysely,
  )
  const done = new Set(rows.map(({ name }) => name))
  return Object.keys(migrationsFor(database.dialect)).every((name) => done.has(name))
}
