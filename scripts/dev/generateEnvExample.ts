/** Writes `.env.example` from the table of settings; with `--check` only says whether it is current. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { exampleEnv } from '../../src/config/envFile.ts'
import { runCommand } from '../command.ts'

const path = fileURLToPath(new URL('../../.env.example', import.meta.url))

function readCurrent(): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return undefined
    }
    throw error
  }
}

const COMMAND = {
  call: 'node scripts/dev/generateEnvExample.ts',
  about: 'Writes .env.example from the table of settings.',
  options: {
    check: { type: 'boolean', about: 'Writes nothing; exit code 1 when it is not current.' },
  },
} as const

await runCommand(COMMAND, async ({ values, problems }) => {
  problems.throwIfAny()
  const text = exampleEnv()
  const isCurrent = readCurrent() === text
  if (!isCurrent && values.check) {
    throw new Error(
      '.env.example differs from the table in src/config/config.ts: run npm run codegen',
    )
  }
  if (!isCurrent) {
    writeFileSync(path, text)
    console.log('.env.example written')
  }
  await Promise.resolve()
})
