/** A process of its own that migrates a SQLite file: `runApart` starts it, and may end it at any instant. */
import { ConfigError, describeError } from '../../errors.ts'
import { openWriter } from '../openDatabase.ts'
import { explainMigration } from './explainMigration.ts'
import { migrate } from './migrate.ts'
import { CONFIG_EXIT } from './runApart.ts'

async function run(databaseUrl: string): Promise<void> {
  await using database = await openWriter(databaseUrl, { mustExist: true })
  // Whatever it prints says that it waits for another process.
  try {
    await migrate(database, { onWaiting: () => process.stdout.write('waiting\n') })
  } catch (error) {
    throw await explainMigration(database, error)
  }
}

run(process.argv[2] ?? '').catch((error: unknown) => {
  process.stderr.write(describeError(error))
  process.exitCode = error instanceof ConfigError ? CONFIG_EXIT : 1
})
