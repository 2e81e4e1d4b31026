import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeDatabaseUrl } from '../src/config/configParsers.ts'
import { readEnvFile } from '../src/config/envFile.ts'
import { readDatabaseArgument } from '../src/copy/copyArguments.ts'
import { explainRecording } from '../src/replay/explainRecording.ts'
import { findRecordingFault } from '../src/replay/findRecordingFault.ts'
import { replayRecording } from '../src/replay/replayRecording.ts'
import { loadSetup } from '../src/service/setup.ts'
import { runCommand } from './command.ts'

const COMMAND = {
  call: 'npm run replay --',
  about:
    'Reads a recording of Jetstream, one event a line, the way the service reads its stream, and says what comes of ' +
    'it. It goes into a database of its own, which is thrown away: the database of the service is not touched.',
  operands: {
    usage: 'FILE.jsonl',
    min: 1,
    max: 1,
    problem: 'give one recording',
    about: 'The recording.',
  },
  options: {
    into: {
      type: 'string',
      value: 'URL',
      about:
        'Keeps it in this database: sqlite:PATH, postgres://USER@HOST/DATABASE, or env:NAME for the URL in a ' +
        'variable. Posts are added, and the position moves to the end of the recording.',
    },
    explain: { type: 'boolean', about: 'Prints for each line first what ingest makes of it.' },
  },
} as const

await runCommand(COMMAND, async ({ values, operands, problems, signal }) => {
  const { completed: env } = readEnvFile('.env', process.env)
  const read = problems.attempt(() => loadSetup(process.env), undefined)
  const { into: argument } = values
  const into = problems.attempt(
    () => (argument === undefined ? undefined : readDatabaseArgument('--into', argument, env)),
    undefined,
  )
  const setup = problems.settle(read)
  const [file = ''] = operands
  const fault = await findRecordingFault(file, signal)
  if (fault !== undefined) {
    throw new Error(`${file} ${fault}`)
  }
  if (values.explain) {
    await explainRecording(file, (line) => console.log(line), signal)
  }
  using stack = new DisposableStack()
  const databaseUrl = into ?? `sqlite:${join(temporaryFolder(stack), 'replay.db')}`
  if (into !== undefined) {
    console.error(
      `into ${describeDatabaseUrl(into)}: what is recorded is added to it, and its position moves`,
    )
  }
  const lines = await replayRecording(file, {
    setup,
    databaseUrl,
    isKept: into !== undefined,
    signal,
    onWaiting: (reason) => console.error(reason),
  })
  lines.forEach((line) => console.log(line))
})

function temporaryFolder(stack: DisposableStack): string {
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-replay-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
