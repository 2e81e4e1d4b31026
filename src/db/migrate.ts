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
