import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openReader, openWriter } from '../../src/db/openDatabase.ts'
import { createPostgresDatabase } from '../support/databases.ts'
import { until } from '../support/until.ts'

test('a Postgres reader that is closed as soon as it is open leaves no session behind', async () => {
  await using database = await createPostgresDatabase()
  await using writer = await openWriter(database.url)
  const sessions = async (): Promise<number> => {
    const { rows } = await sql<{ count: number }>`select count(*) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`.execute(writer.kysely)
    return rows[0]?.count ?? -1
  }
  for (let round = 0; round < 5; round += 1) {
    const reader = await openReader(database.url)
    await reader[Symbol.asyncDispose]()
  }
  expect(await until(async () => (await sessions()) === 0, 5_000)).toBe(true)
})
