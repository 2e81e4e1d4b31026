/** A process of its own that migrates a SQLite file: `runApart` starts it, and may end it at any instant. */
import { describeError } from '../errors.ts'
import { migrate } from './migrate.ts'
import { openWriter } from './openDatabase.ts'

async function run(databaseUrl: string): Promise<void> {
  await using database = await openWriter(databaseUrl, { mustExist: true })
  // Whatever it prints says that it waits for another process.
  await migrate(database, { onWaiting: () => process.stdout.write('waiting\n') })
}

run(process.argv[2] ?? '').catch((error: unknown) => {
  process.stderr.write(describeError(error))
  process.exitCode = 1
})
