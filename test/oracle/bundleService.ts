/**
 * The service as a few files. Half of what a run of the oracle costs is the starts of services, and
 * most of a start is finding and reading hundreds of modules.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** It comes with the test runner. */
const BUNDLER = join(ROOT, 'node_modules/.bin/rolldown')
const ENTRIES = [
  'src/main.ts',
  'scripts/printFeed.ts',
  'test/oracle/killBeforeCommit.ts',
  'test/support/shiftedClock.ts',
] as const
type Entry = (typeof ENTRIES)[number]

/** Where the programs are; the sources themselves where there is no bundler. */
export interface Programs extends Disposable {
  /** For what Node has compiled of them. */
  readonly env: Readonly<Record<string, string>>
  path(entry: Entry): string
  url(entry: Entry): string
}

export function bundleService(): Programs {
  const folder = existsSync(BUNDLER) ? bundle() : undefined
  const path = (entry: Entry): string =>
    folder === undefined ? join(ROOT, entry) : join(folder, PLACE, outputOf(entry))
  return {
    path,
    env: folder === undefined ? {} : { NODE_COMPILE_CACHE: join(folder, 'compiled') },
    url: (entry) => pathToFileURL(path(entry)).href,
    [Symbol.dispose]: () => {
      if (folder !== undefined) {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  }
}

/** As deep as the file that reads `package.json` lies. */
const PLACE = 'src/service'

const outputOf = (entry: string): string => basename(entry).replace('.ts', '.js')

/** What is native stays where it is, so the folder has to lie in the project. */
function bundle(): string {
  const folder = mkdtempSync(join(ROOT, 'node_modules/.cache-oracle-'))
  const workers = globSync('src/**/*{Worker,Process}.ts', { cwd: ROOT })
  const output = join(folder, PLACE)
  const args = ['--platform', 'node', '--format', 'esm', '--log-level', 'silent', '-d', output]
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      BUNDLER,
      ...ENTRIES,
      ...workers,
      ...['better-sqlite3', 'pg-native'].flatMap((name) => ['--external', name]),
      ...args,
    ],
    { cwd: ROOT, encoding: 'utf8' },
  )
  if (status !== 0) {
    throw new Error(`cannot bundle the service: ${stderr}`)
  }
  for (const name of readdirSync(output)) {
    const text = readFileSync(join(output, name), 'utf8')
    writeFileSync(
      join(output, name),
      text.replaceAll(/(["'`]\.\/\w+(?:Worker|Process))\.ts/g, '$1.js'),
    )
  }
  // What is read from beside the sources.
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  cpSync(join(ROOT, 'lexicons'), join(folder, 'lexicons'), { recursive: true })
  cpSync(join(ROOT, 'src/web/frame/style.css'), join(output, 'style.css'))
  return folder
}
