/**
 * Installs the PDS of these tests, when it is missing or older than its lock file. It is a package of its
 * own, because it is many times as large as everything else; none of it needs an install script.
 */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const OPTIONS = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
const MAX_SHOWN = 2_000

function modifiedMs(path: string): number {
  return statSync(`${FOLDER}${path}`, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** npm writes this file last, so that half an install is none. */
const installedMs = modifiedMs('node_modules/.package-lock.json')
if (installedMs < modifiedMs('package-lock.json')) {
  console.log('installing the PDS of test/e2e/pds: about 480 MB, one or two minutes, once')
  const { status, stderr, error } = spawnSync('npm', ['ci', ...OPTIONS], {
    cwd: FOLDER,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  })
  if (status !== 0) {
    const said = (error?.message ?? stderr).slice(-MAX_SHOWN)
    console.error(
      `${said}\nthe PDS of test/e2e/pds cannot be installed: it comes from the npm registry, which has to be ` +
        'reachable once; what npm said stands above',
    )
    process.exitCode = 1
  }
}
