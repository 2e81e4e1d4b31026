import { describeDatabaseUrl } from '../src/config/configParsers.ts'
import { loadEnvFile } from '../src/config/envFile.ts'
import { readCopyUrls } from '../src/copy/copyArguments.ts'
import { copyDatabase } from '../src/copy/copyDatabase.ts'
import { ProgressDisplay, formatCount } from '../src/copy/progressDisplay.ts'
import { nounOf } from '../src/texts/countOf.ts'
import { formatUs } from '../src/time.ts'
import { runCommand } from './command.ts'

const COMMAND = {
  call: 'npm run copyDatabase --',
  about:
    'Copies a database into another one, of the same engine or of the other, and verifies the copy. It goes on ' +
    'where a copy before it was stopped. Stop the service first.',
  operands: {
    usage: 'FROM TO',
    min: 2,
    max: 2,
    problem: 'give two databases',
    about:
      'Each sqlite:PATH, postgres://USER@HOST/DATABASE, or env:NAME for the URL in a variable.',
  },
  options: {},
}

const BEGINNINGS = {
  empty: () => 'copying',
  resumed: (rows: number) => `going on after ${formatCount(rows)} ${nounOf(rows, 'row')}`,
  anew: () => 'what was copied before is of no use, as FROM has changed: starting over',
}

await runCommand(COMMAND, async ({ operands, problems, signal }) => {
  const [first = '', second = ''] = operands
  const urls = problems.attempt(
    () =>
      problems.isUsage
        ? undefined
        : readCopyUrls([first, second], loadEnvFile('.env', process.env)),
    undefined,
  )
  const { from, to } = problems.settle(urls)
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
    console.log(
      `${name.padEnd(16)} ${formatCount(rows).padStart(14)} ${nounOf(rows, 'row')}, verified`,
    )
  }
  const { positionUs } = report
  console.log(`position ${positionUs === undefined ? 'none' : formatUs(positionUs)}`)
})
