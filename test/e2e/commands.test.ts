/** What is the same for every command: `--help`, exit codes, and how mistakes are told. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { runScript } from '../support/runApp.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FEEDS = 'feeds:\n  - { rkey: art, name: Art, tags: [art] }\n'

/** What an operator runs, with something that its help has to name. */
const COMMANDS: readonly [script: string, named: RegExp][] = [
  ['src/main.ts', /FEEDGEN_HOSTNAME/],
  ['scripts/backup.ts', /PATH/],
  ['scripts/copyDatabase.ts', /FROM TO/],
  ['scripts/demo.ts', /invented authors/],
  ['scripts/dev.ts', /changes/],
  ['scripts/doctor.ts', /--appview URL/],
  ['scripts/explain.ts', /POST/],
  ['scripts/forgetViewer.ts', /DID/],
  ['scripts/printFeed.ts', /--explain/],
  ['scripts/publishFeed.ts', /--take-over/],
  ['scripts/replay.ts', /--into URL/],
  ['scripts/unpublishFeed.ts', /--orphans/],
]

/** What only developers run: what is wrong with their arguments is enough to show that they read them so. */
const TOOLS = [
  'bench',
  'fuzz',
  'generateEnvExample',
  'generateFeedSchema',
  'generateLexicons',
  'mutants',
  'oracle',
]

/** These read the settings, too. */
const READS_SETTINGS =
  /main|backup|demo|doctor|explain|forgetViewer|printFeed|publishFeed|replay|unpublishFeed/

/** Files beside the commands that commands share. */
const SHARED = new Set(['command.ts', 'printedPost.ts', 'publishing.ts', 'watchUntilChanged.ts'])

describe('every command', { timeout: 60_000 }, () => {
  const folder = temporaryFolder()
  afterAll(() => folder[Symbol.dispose]())
  const options = { feeds: FEEDS, folder: folder.path }

  const all = [
    ...COMMANDS.map(([script]) => script),
    ...TOOLS.map((name) => `scripts/dev/${name}.ts`),
  ]

  test('is in these tables', () => {
    const files = readdirSync(join(ROOT, 'scripts'), { recursive: true, encoding: 'utf8' })
    const scripts = files.filter((name) => name.endsWith('.ts') && !SHARED.has(name))
    const paths = ['src/main.ts', ...scripts.map((name) => `scripts/${name}`)]
    expect(paths.sort()).toEqual(all.toSorted())
  })

  test.concurrent.each(COMMANDS)(
    '%s has --help, which does nothing else',
    async (script, named) => {
      const run = await runScript(script, ['--help', '--limit', '-1'], options)
      expect(run).toMatchObject({ code: 0, stderr: '' })
      expect(run.stdout).toMatch(named)
      expect(run.stdout).toContain('--help')
      expect(run.stdout.split('usage:')).toHaveLength(2)
    },
  )

  test.concurrent.each(all)('%s tells all mistakes at once, once each', async (script) => {
    const env = { FEEDGEN_PORT: 'x', FEEDGEN_RETENTION_DAYS: '0' }
    const args = ['--nonsense', '--nonsense', 'hunter2', 'b', 'c']
    const run = await runScript(script, args, { ...options, env })
    expect(run).toMatchObject({ code: 2, stdout: '' })
    const settings = READS_SETTINGS.test(script)
      ? ["FEEDGEN_PORT is 'x'", "FEEDGEN_RETENTION_DAYS is '0'"]
      : []
    for (const told of ['--nonsense is no option', 'usage:', ...settings]) {
      expect(run.stderr.split(told)).toHaveLength(2)
    }
    // An argument may be a password, and nobody reads a stack.
    expect(run.stderr).not.toMatch(/hunter2|^\s+at /m)
  })

  test('says where -- was forgotten, and does nothing', async () => {
    const env = { npm_config_only: 'art' }
    const run = await runScript('scripts/publishFeed.ts', ['art'], { ...options, env })
    expect(run).toMatchObject({ code: 2, stdout: '' })
    expect(run.stderr).toContain('npm run publishFeed -- --only RKEY')
  })
})
