import { backupDatabase } from '../src/backup/backupDatabase.ts'
import { readConfig } from '../src/config/config.ts'
import { loadEnvFile } from '../src/config/envFile.ts'
import { systemClock } from '../src/time.ts'
import { runCommand } from './command.ts'

const COMMAND = {
  call: 'npm run backup --',
  about:
    'Makes a whole, checked copy of the SQLite database that FEEDGEN_DATABASE_URL names, of one ' +
    'instant, while the service runs.',
  operands: {
    usage: 'PATH',
    min: 1,
    max: 1,
    problem: 'give one file, or a folder',
    about:
      'The file to make, or a folder, in which the copy is called tagfeed-TIME.db. A file that exists ' +
      'is not overwritten.',
  },
  options: {},
  notes: [
    'To restore it: stop the service, put the copy where the database was, without any -wal and -shm ' +
      'beside it, and start. A database on Postgres is copied with pg_dump.',
  ],
} as const

await runCommand(COMMAND, async ({ operands, problems, signal }) => {
  const read = problems.attempt(() => readConfig(loadEnvFile('.env', process.env)), undefined)
  const { databaseUrl } = problems.settle(read)
  const [target = ''] = operands
  const backup = await backupDatabase({ databaseUrl, target, clock: systemClock, signal })
  console.log(`${backup.path}: ${backup.bytes} bytes, checked`)
})
