import { parseArgs } from 'node:util'
import { backupDatabase } from '../src/backup/backupDatabase.ts'
import { readConfig } from '../src/config.ts'
import { loadEnvFile } from '../src/envFile.ts'
import { systemClock } from '../src/time.ts'
import { parseUsage, runCommand, usageError } from './command.ts'

const USAGE = 'npm run backup -- PATH'

const HELP = `usage: ${USAGE}

Makes a whole, checked copy of the SQLite database that FEEDGEN_DATABASE_URL names, of one instant,
while the service runs. To restore it: stop the service, put the copy where the database was, without
any -wal and -shm beside it, and start.

  PATH     the file to make, or a folder, in which the copy is called tagfeed-TIME.db;
           a file that exists is not overwritten
  --help   prints this

A database on Postgres is copied with pg_dump.`

await runCommand(async (signal) => {
  const { path, wantsHelp } = parseUsage(readArguments, USAGE)
  if (wantsHelp) {
    console.log(HELP)
    return
  }
  const { databaseUrl } = readConfig(loadEnvFile('.env', process.env))
  const backup = await backupDatabase({ databaseUrl, target: path, clock: systemClock, signal })
  console.log(`${backup.path}: ${backup.bytes} bytes, checked`)
})

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', default: false } },
  })
  const [path = '', ...rest] = positionals
  if (!values.help && (path === '' || rest.length > 0)) {
    throw usageError('give one file, or a folder', USAGE)
  }
  return { path, wantsHelp: values.help }
}
