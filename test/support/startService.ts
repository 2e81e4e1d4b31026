import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from './databases.ts'
import type { createPost } from './events.ts'
import type { FinishedRun } from './runApp.ts'
import { engine, serviceDatabaseUrl } from './serviceDatabase.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** All that answers for feeds, and nothing that reads the stream. */
export const SERVING = { FEEDGEN_ROLES: 'serve' }
/** Nobody listens there. */
export const NOWHERE = { FEEDGEN_JETSTREAM_URLS: 'ws://127.0.0.1:9/subscribe' }
/** A start that should fail and does not is ended after so long, and shows as a code of null. */
export const START_MS = 15_000

export const feeds = `feeds:
  - { rkey: art, name: Art, description: Pictures, tags: [art] }
  - { rkey: cats, name: Cats, description: Cats, tags: { any: [cats] } }
`

export const uriOf = ({ did: author, commit }: ReturnType<typeof createPost>): string =>
  `at://${author}/app.bsky.feed.post/${commit.rkey}`

interface Start {
  readonly env?: Readonly<Record<string, string>>
  /** Text of `feeds.yaml`; null: there is none. */
  readonly feeds?: string | null
  readonly dotEnv?: string
  readonly folder?: string
}

/** Starts the service in a folder of its own with nothing but this, and waits until it ends. */
export async function startAndEnd(start: Start = {}): Promise<FinishedRun> {
  using own = temporaryFolder()
  const folder = start.folder ?? own.path
  if (start.feeds !== null) {
    writeFileSync(join(folder, 'feeds.yaml'), start.feeds ?? feeds)
  }
  if (start.dotEnv !== undefined) {
    writeFileSync(join(folder, '.env'), start.dotEnv)
  }
  const env = { PATH: process.env['PATH'], FEEDGEN_PORT: '0', ...NOWHERE, ...start.env }
  const options = { cwd: folder, env, timeout: START_MS }
  const child = spawn(process.execPath, [MAIN], { ...options, killSignal: 'SIGKILL' })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => (stdout += String(data)))
  child.stderr.on('data', (data) => (stderr += String(data)))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr }
}

/** Names of files and of errors of the code, and what a template makes of nothing. */
export const INSIDE = /^\s+at |node:internal|\.ts:\d|Error:|\bundefined\b|\[object/m

/** What is wrong with the end of a run that has to fail; what it said is there to be read. */
export function faultsOf(
  { code, stderr }: FinishedRun,
  codes: readonly number[],
  named: readonly (string | RegExp)[],
): string[] {
  const isSaid = (name: string | RegExp): boolean =>
    typeof name === 'string' ? stderr.includes(name) : name.test(stderr)
  const faults = [
    ...(codes.includes(code ?? -1) ? [] : [`exit code ${code}`]),
    ...(/[a-z]{2,} [a-z]{2,}/i.test(stderr) ? [] : ['no plain words']),
    ...(INSIDE.test(stderr) ? ['tells of the inside'] : []),
    ...named.filter((name) => !isSaid(name)).map((name) => `says nothing of ${String(name)}`),
  ]
  return faults.length === 0 ? [] : [...faults, `stderr: ${stderr}`]
}

/** For wrong usage and wrong configuration. */
/** The service on its own database in a folder, as a process that a test sends signals to. */
export async function spawnIn(folder: string) {
  writeFileSync(join(folder, 'feeds.yaml'), feeds)
  const own = { FEEDGEN_PORT: '0', FEEDGEN_DATABASE_URL: await serviceDatabaseUrl(folder) }
  const env = { PATH: process.env['PATH'], ...own, ...NOWHERE }
  return spawn(process.execPath, [MAIN], {
    ...{ cwd: folder, env, timeout: START_MS },
    killSignal: 'SIGKILL',
  })
}

export const refusalFaults = (run: FinishedRun, ...named: (string | RegExp)[]): string[] =>
  faultsOf(run, [2], named)

/** What the engine has no part in, or where the file of SQLite has one, is tested with SQLite alone. */
export const isSqlite = engine === 'sqlite'
