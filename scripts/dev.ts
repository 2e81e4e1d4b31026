import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadEnvFile } from '../src/config/envFile.ts'
import { ConfigError } from '../src/errors.ts'
import { runCommand } from './command.ts'
import { watchUntilChanged } from './watchUntilChanged.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

const COMMAND = {
  call: 'npm run dev --',
  about:
    'Runs the service, and starts it again whenever its code, the feeds file or .env changes. ' +
    'Ctrl-C ends it.',
  options: {},
}

/**
 * Node's own `--watch` sees only modules, and `--watch-path` loses a file that an editor replaces:
 * here folders are watched.
 */
await runCommand(COMMAND, async ({ problems, signal }) => {
  problems.throwIfAny()
  while (!signal.aborted) {
    // First, so that nothing that changes while the service starts goes unseen.
    const changed = watchUntilChanged([join(ROOT, 'src'), findFeedsFile(), '.env'], signal)
    const service = spawn(process.execPath, [join(ROOT, 'src/main.ts')], { stdio: 'inherit' })
    void service.once('exit', (code) => {
      if (!signal.aborted && code !== null && code !== 0) {
        console.error('dev: the service has ended; it starts again when something changes')
      }
    })
    const path = await changed
    if (path !== undefined) {
      console.error(`dev: ${path} has changed: starting again`)
    }
    await stop(service)
  }
})

async function stop(service: ChildProcess): Promise<void> {
  if (service.exitCode === null && service.signalCode === null) {
    const exited = once(service, 'exit')
    service.kill('SIGTERM')
    await exited
  }
}

/** As the service finds it; what is wrong with the settings is for the service to say. */
function findFeedsFile(): string {
  try {
    return loadEnvFile('.env', process.env)['FEEDGEN_FEEDS_FILE']?.trim() || 'feeds.yaml'
  } catch (error) {
    if (error instanceof ConfigError) {
      return 'feeds.yaml'
    }
    throw error
  }
}
