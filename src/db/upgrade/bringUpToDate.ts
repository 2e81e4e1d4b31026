import type { Logger } from '../../logger.ts'
import { tryToWrite } from '../checkFile.ts'
import type { WriteDatabase } from '../database.ts'
import { DONE_TABLE } from './databaseState.ts'
import { explainMigration } from './explainMigration.ts'
import { findDue, migrate } from './migrate.ts'
import { runApart } from './runApart.ts'
import { hasTable } from './tables.ts'

export interface UpToDateOptions {
  readonly databaseUrl: string
  readonly logger: Logger
  readonly signal: AbortSignal | undefined
}

/**
 * Makes sure that a database can be written and has the form of this version.
 * @throws ConfigError when it cannot, or is not for this version; nothing is written to it then
 */
export async function bringUpToDate(
  database: WriteDatabase,
  options: UpToDateOptions,
): Promise<void> {
  const { dialect } = database
  try {
    if (dialect.name === 'sqlite') {
      tryToWrite(options.databaseUrl.slice('sqlite:'.length))
    }
    const due = await findDue(database)
    if (due.length > 0) {
      await migrateLoudly(database, due, options)
    }
  } catch (error) {
    throw await explainMigration(database, error)
  }
}

async function migrateLoudly(
  database: WriteDatabase,
  due: readonly string[],
  { databaseUrl, logger, signal }: UpToDateOptions,
): Promise<void> {
  const onWaiting = (): void =>
    logger.warn(
      { event: 'migrationWaits' },
      'another process has locked the database, perhaps to migrate it: waiting until it is done',
    )
  // A database that is just being made is done at once.
  const isUpgrade = await hasTable(database, DONE_TABLE)
  if (!isUpgrade) {
    await migrate(database, { signal, onWaiting })
    return
  }
  const startedAt = performance.now()
  logger.info(
    { event: 'migrating', migrations: due },
    `bringing the database to the form of this version (${due.join(', ')}): with many posts this ` +
      'takes minutes; ended in between, it is as it was',
  )
  if (database.dialect.name === 'sqlite') {
    const program = new URL('./migrateProcess.ts', import.meta.url)
    await runApart(program, { args: [databaseUrl], signal, onLine: onWaiting })
  } else {
    await migrate(database, { signal, onWaiting })
  }
  const ms = Math.round(performance.now() - startedAt)
  logger.info(
    { event: 'migrated', migrations: due, ms },
    'the database has the form of this version',
  )
}
