import { sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { Database } from './database.ts'
import { migrationsFor } from './migrations/index.ts'
import { hasTable } from './wholeTables.ts'

/**
 * Brings the tables to the form that this version needs, forward only.
 * @throws when a migration fails, or the database is from a newer version.
 */
export async function migrate(database: Database): Promise<void> {
  const migrator = new Migrator({
    db: database.kysely,
    provider: { getMigrations: () => Promise.resolve(migrationsFor(database.dialect)) },
  })
  // A new index of millions of rows is sorted, which is not for the memory.
  await keepTemporary(database, 'file')
  const { error } = await migrator.migrateToLatest()
  await keepTemporary(database, 'memory')
  if (error !== undefined) {
    throw new Error('cannot migrate the database', { cause: error })
  }
}

async function keepTemporary({ dialect, kysely }: Database, where: 'file' | 'memory') {
  if (dialect.name === 'sqlite') {
    await sql`pragma temp_store = ${sql.raw(where)}`.execute(kysely)
  }
}

/** Whether the tables have the form that this version needs; for a connection that cannot write. */
export async function isMigrated(database: Database): Promise<boolean> {
  const done = await findDone(database)
  return Object.keys(migrationsFor(database.dialect)).every((name) => done.has(name))
}

/** Whether the tables have exactly the form of this version: neither an older nor a newer one. */
export async function isOfThisVersion(database: Database): Promise<boolean> {
  const done = (await hasTable(database, 'kysely_migration')) ? await findDone(database) : new Set()
  const names = Object.keys(migrationsFor(database.dialect))
  return done.size === names.length && names.every((name) => done.has(name))
}

async function findDone(database: Database): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(
    database.kysely,
  )
  return new Set(rows.map(({ name }) => name))
}
