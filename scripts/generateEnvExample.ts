/** Writes `.env.example` from the table of settings; with `--check` only says whether it is current. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { exampleEnv } from '../src/envFile.ts'
import { describeError } from '../src/errors.ts'

const path = fileURLToPath(new URL('../.env.example', import.meta.url))

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

function generate(isCheck: boolean): number {
  const text = exampleEnv()
  if (readCurrent() === text) {
    return 0
  }
  if (isCheck) {
    console.error('.env.example differs from the table in src/config.ts: run npm run codegen')
    return 1
  }
  writeFileSync(path, text)
  console.log('.env.example written')
  return 0
}

function readFlags(): { check: boolean } | undefined {
  try {
    return parseArgs({ options: { check: { type: 'boolean', default: false } } }).values
  } catch (error) {
    console.error(`${describeError(error)}\nusage: node scripts/generateEnvExample.ts [--check]`)
    return undefined
  }
}

const flags = readFlags()
try {
  process.exitCode = flags === undefined ? 2 : generate(flags.check)
} catch (error) {
  console.error(describeError(error))
  process.exitCode = 1
}
