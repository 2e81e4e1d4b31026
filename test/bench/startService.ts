import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** The whole service in a process of its own, on a SQLite file and the feeds of a folder, listening. */
export async function startService(
  folder: string,
  database: string,
  env: Readonly<Record<string, string>>,
  main: string = MAIN,
) {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      FEEDGEN_PORT: '0',
      FEEDGEN_DATABASE_URL: `sqlite:${database}`,
      FEEDGEN_FEEDS_FILE: join(folder, 'feeds.yaml'),
      ...env,
    },
  })
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  const url = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { event, url: found } = JSON.parse(line) as { event?: string; url?: string }
      if (event === 'listening' && found !== undefined) {
        resolve(found)
      }
    })
  })
  return {
    url,
    pid: child.pid ?? 0,
    port: Number(new URL(url).port),
    startedAt,
    listeningMs: performance.now() - startedAt,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}
