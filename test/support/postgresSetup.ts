import { sql } from 'kysely'
import type { TestProject } from 'vitest/node'
import { openWriter } from '../../src/db/openDatabase.ts'
import { migrate } from '../../src/db/upgrade/migrate.ts'
import { startPostgres } from './postgresServer.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** A database of the Postgres of this run, with the right to make others. */
    postgresUrl: string
  }
}

/** The migrated database from which those of the tests are cloned. */
export const TEMPLATE = 'tagfeed_template'

/** One Postgres a run: started here, or the one that `FEEDGEN_TEST_POSTGRES_URL` names. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await using stack = new AsyncDisposableStack()
  const given = process.env['FEEDGEN_TEST_POSTGRES_URL']
  const url = given ?? stack.use(await startPostgres()).url()
  {
    await using admin = await openWriter(url)
    await sql`drop database if exists ${sql.id(TEMPLATE)}`.execute(admin.kysely)
    await sql`create database ${sql.id(TEMPLATE)}`.execute(admin.kysely)
    const template = new URL(url)
    template.pathname = `/${TEMPLATE}`
    await using writer = await openWriter(template.href)
    await migrate(writer)
  }
  project.provide('postgresUrl', url)
  const resources = stack.move()
  return () => resources.disposeAsync()
}
