import { parseArgs } from 'node:util'
import { describeDatabaseUrl } from '../src/configParsers.ts'
import { readCopyUrls } from '../src/copy/copyArguments.ts'
import { copyDatabase } from '../src/copy/copyDatabase.ts'
import { ProgressDisplay, formatCount } from '../src/copy/showProgress.ts'
import { loadEnvFile } from '../src/envFile.ts'
import { formatUs } from '../src/time.ts'
import { parseUsage, runCommand, usageError } from './command.ts'

const USAGE =
  'npm run copyDatabase -- FROM TO   (each sqlite:PATH, postgres://USER@HOST/DATABASE, or env:NAME for the URL in a variable)'

const BEGINNINGS = {
  empty: () => 'copying',
  resumed: (rows: number) => `going on after ${formatCount(rows)} rows`,
  anew: () => 'what was copied before is of no use, as FROM has changed: starting over',
}

await runCommand(async (signal) => {
  const { from, to } = readCopyUrls(
    parseUsage(readArguments, USAGE),
    loadEnvFile('.env', process.env),
  )
  console.error(`from ${describeDatabaseUrl(from)}\nto   ${describeDatabaseUrl(to)}`)
  using display = new ProgressDisplay(process.stderr)
  const report = await copyDatabase({
    from,
    to,
    signal,
    onBegin: (how, rows) => console.error(BEGINNINGS[how](rows)),
    onStep: (step) => display.show(step),
  })
  display[Symbol.dispose]()
  for (const { name, rows } of report.tables) {
    console.log(`${name.padEnd(16)} ${formatCount(rows).padStart(14)} rows, verified`)
  }
  const { positionUs } = report
  console.log(`position ${positionUs === undefined ? 'none' : formatUs(positionUs)}`)
})

function readArguments(): [string, string] {
  const { positionals } = parseArgs({ allowPositionals: true, options: {} })
  const [from, to, ...rest] = positionals
  if (from === undefined || to === undefined || rest.length > 0) {
    throw usageError('give two databases', USAGE)
  }
  return [from, to]
}
