/** Databases as starts and upgrades that are killed leave them. */
import { copyFileSync, existsSync } from 'node:fs'
import BetterSqlite3 from 'better-sqlite3'
import { sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { WriteDatabase } from '../../src/db/database.ts'
import { migrationsFor } from '../../src/db/migrations/index.ts'
import type { Migrations } from '../../src/db/upgrade/halfMade.ts'
import { migrate } from '../../src/db/upgrade/migrate.ts'

/** The migrations up to a number, as a version of that time knows them. */
export function migrationsUpTo(database: WriteDatabase, number: number): Migrations {
  return Object.fromEntries(Object.entries(migrationsFor(database.dialect)).slice(0, number))
}

/** The same database, telling of each statement before it runs; what the listener throws ends it. */
export function watched(database: WriteDatabase, listener: () => void): WriteDatabase {
  const kysely = database.kysely.withPlugin({
    transformQuery: ({ node }) => {
      listener()
      return node
    },
    transformResult: ({ result }) => Promise.resolve(result),
  })
  return { ...database, kysely }
}

/** Migrates as version 0.1.0 did: on SQLite each statement for itself. */
export async function migrateAsBefore(
  database: WriteDatabase,
  migrations: Migrations,
): Promise<void> {
  const provider = { getMigrations: () => Promise.resolve({ ...migrations }) }
  const { error } = await new Migrator({ db: database.kysely, provider }).migrateToLatest()
  if (error !== undefined) {
    throw new Error('it has failed', { cause: error })
  }
}

/** The files of a SQLite database as a process that is killed now leaves them. */
export function copyAsKilled(from: string, to: string): void {
  for (const end of ['', '-wal', '-journal']) {
    if (existsSync(from + end)) {
      copyFileSync(from + end, to + end)
    }
  }
}

export const STORED = ['at://did:plc:a/app.bsky.feed.post/1', 'at://did:plc:a/app.bsky.feed.post/2']

/** A database of the first migrations, with two posts. */
export async function makeOld(database: WriteDatabase, number: number): Promise<void> {
  await migrate(database, { migrations: migrationsUpTo(database, number) })
  const { kysely } = database
  await sql`insert into account (did) values ('did:plc:a')`.execute(kysely)
  for (const [index, uri] of STORED.entries()) {
    await sql`insert into post (account_id, rkey, rev, cid, indexed_at, tags, media, languages, labels)
      values (1, ${String(index)}, '1', 'c', ${index}, '["art"]', 0, '[]', '[]')`.execute(kysely)
    await sql`insert into post_tag (tag, indexed_at, cid, uri, post_id)
      values ('art', ${index}, 'c', ${uri}, ${index + 1})`.execute(kysely)
  }
}

export async function storedPosts({ kysely }: WriteDatabase): Promise<string[]> {
  const { rows } = await sql<{ uri: string }>`
    select uri from post_tag join post on post.id = post_id order by uri`.execute(kysely)
  return rows.map(({ uri }) => uri)
}

/** All that is in the catalog of a SQLite file. */
export function schemaOf(path: string): unknown[] {
  const handle = new BetterSqlite3(path, { readonly: true })
  const rows = handle.prepare('select type, name, sql from sqlite_master order by type, name').all()
  handle.close()
  return rows
}
