import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countOf } from '../src/plural.ts'
import { mutants } from '../test/mutants/mutants.ts'
import type { Mutant } from '../test/mutants/mutants.ts'
import { runCommand } from './command.ts'

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
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-mutants-'))
  for (const name of COPIED) {
    // The PDS of the tests is many times as large as all else.
    const filter = (source: string): boolean => !source.endsWith('node_modules')
    cpSync(name, join(folder, name), { recursive: true, filter })
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'))
  let survived = 0
  for (const mutant of signal.aborted ? [] : chosen) {
    const isCaught = tryMutant(folder, mutant)
    survived += isCaught ? 0 : 1
    console.log(`${isCaught ? 'caught  ' : 'SURVIVED'}  ${mutant.models}`)
  }
  rmSync(folder, { recursive: true, force: true })
  console.log(`${countOf(chosen.length, 'mutant')}, ${survived} survived`)
  process.exitCode = survived === 0 ? 0 : 1
  await Promise.resolve()
})

function tryMutant(folder: string, { file, find, replace, caughtBy }: Mutant): boolean {
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
  const run = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', test, '-t', name],
    { cwd: folder, encoding: 'utf8' },
  )
  writeFileSync(path, text)
  const summary = /(\d+) passed, (\d+) failed/.exec(run.stdout)
  return run.status !== 0 && Number(summary?.[2] ?? 0) > 0
}
