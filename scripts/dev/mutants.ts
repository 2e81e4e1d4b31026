import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { countOf } from '../../src/texts/countOf.ts'
import { mutants } from '../../test/mutants/mutants.ts'
import type { Mutant } from '../../test/mutants/mutants.ts'
import { runCommand } from '../command.ts'

const run = promisify(execFile)
/** What a test prints that fails may be long. */
const MAX_OUTPUT = 256 * 1024 * 1024

const COPIED = [
  ...['src', 'test', 'scripts', 'lexicons', 'package.json', 'tsconfig.json', 'vitest.config.ts'],
  ...['feeds.yaml', 'feeds.schema.json', '.env.example'],
]

const COMMAND = {
  call: 'npm run mutants --',
  about:
    'Puts one fault after the other into a copy of the project, and expects the named test to fail. ' +
    'Exit code 1 when one survives.',
  options: {
    only: { type: 'string', value: 'WORDS', about: 'Only the faults whose description has these.' },
  },
} as const

/** Puts one fault after the other into a copy of the project and expects the named test to fail. */
await runCommand(COMMAND, async ({ values, problems, signal }) => {
  problems.throwIfAny()
  const chosen = mutants.filter(({ models }) => models.includes(values.only ?? ''))
  using stack = new DisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-mutants-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of COPIED) {
    // The PDS of the tests is many times as large as all else.
    const filter = (source: string): boolean => !source.endsWith('node_modules')
    cpSync(name, join(folder, name), { recursive: true, filter })
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'))
  let survived = 0
  for (const mutant of chosen) {
    const isCaught = await tryMutant(folder, mutant, signal)
    survived += isCaught ? 0 : 1
    console.log(`${isCaught ? 'caught  ' : 'SURVIVED'}  ${mutant.models}`)
  }
  console.log(`${countOf(chosen.length, 'mutant')}, ${survived} survived`)
  process.exitCode = survived === 0 ? 0 : 1
})

/** @throws AbortError when the signal aborts */
async function tryMutant(
  folder: string,
  { file, find, replace, caughtBy }: Mutant,
  signal: AbortSignal,
): Promise<boolean> {
  const path = join(folder, file)
  const text = readFileSync(path, 'utf8')
  if (text.split(find).length !== 2) {
    throw new Error(`'${find}' does not stand exactly once in ${file}`)
  }
  writeFileSync(
    path,
    text.replace(find, () => replace),
  )
  const [test, name] = caughtBy
  const args = ['node_modules/vitest/vitest.mjs', 'run', test, '-t', name]
  const output = await run(process.execPath, args, {
    cwd: folder,
    signal,
    maxBuffer: MAX_OUTPUT,
  }).then(
    () => '',
    (failed: { readonly stdout?: string }) => failed.stdout ?? '',
  )
  signal.throwIfAborted()
  writeFileSync(path, text)
  const [, failedTests = 0] = /passed, (\d+) failed/.exec(output) ?? []
  return Number(failedTests) > 0
}
