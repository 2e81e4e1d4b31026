/**
 * Writes `src/lexicons` from the documents in `lexicons`, as `lex build` makes it; with `--check` only says
 * whether it is current.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../command.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const OUT = join(root, 'src/lexicons')

function build(out: string): void {
  const lex = join(root, 'node_modules/@atproto/lex/bin/lex')
  const args = ['build', '--lexicons', join(root, 'lexicons'), '--out', out]
  const form = ['--import-ext', '.ts', '--pretty', 'false', '--lib', '@atproto/lex-schema']
  const { status, stderr } = spawnSync(process.execPath, [lex, ...args, ...form], {
    encoding: 'utf8',
  })
  if (status !== 0) {
    throw new Error(`lex build has failed: ${stderr}`)
  }
}

/** What is in a folder, by path. */
function contents(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).toSorted()
  return new Map(paths.map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')]))
}

const COMMAND = {
  call: 'node scripts/dev/generateLexicons.ts',
  about: 'Writes src/lexicons from the documents in lexicons.',
  options: {
    check: { type: 'boolean', about: 'Writes nothing; exit code 1 when it is not current.' },
  },
} as const

await runCommand(COMMAND, async ({ values, problems }) => {
  problems.throwIfAny()
  const made = mkdtempSync(join(tmpdir(), 'tagfeed-lexicons-'))
  try {
    build(made)
    const isCurrent = JSON.stringify([...contents(made)]) === JSON.stringify([...contents(OUT)])
    if (!isCurrent && values.check) {
      throw new Error('src/lexicons differs from the documents in lexicons: run npm run codegen')
    }
    if (!isCurrent) {
      rmSync(OUT, { recursive: true, force: true })
      cpSync(made, OUT, { recursive: true })
      console.log('src/lexicons written')
    }
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
  await Promise.resolve()
})
