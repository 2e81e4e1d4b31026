import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve as resolvePath } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from './databases.ts'
import { serviceDatabaseUrl } from './serviceDatabase.ts'
import { until } from './until.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What Node has compiled, for the next run: half of the time of a start goes into that. */
const COMPILED = join(ROOT, 'node_modules/.cache/tagfeed')

/** Several services that start at once on a busy machine take their time. */
const START_MS = 45_000

export interface LogLine {
  readonly level: string
  readonly event?: string
  readonly [field: string]: unknown
}

export interface RunOptions {
  /** What is started; `src/main.ts` when left out. */
  readonly program?: string
  /** Added to an environment in which nothing else is set. */
  readonly env?: Readonly<Record<string, string>>
  /** Text of a feeds file; the shipped one when left out. */
  readonly feeds?: string
  /** Keeps its files and its database here; a folder of its own, gone at the end, when left out. */
  readonly folder?: string
  /** Options of Node itself, such as `--import`; its threads inherit them. */
  readonly nodeOptions?: readonly string[]
  /** Kills the process, without a word, whenever it aborts: also before it listens. */
  readonly killed?: AbortSignal
  /** How long it may take until it listens. */
  readonly startMs?: number
  /** Gets what it says on stdout, piece by piece: also before it listens. */
  readonly onOutput?: (text: string) => void
}

export interface RunningApp extends AsyncDisposable {
  readonly url: string
  readonly folder: string
  readonly logs: readonly LogLine[]
  /** `uri` of a feed by its record key. */
  feedUri(rkey: string): string
  get(path: string, init?: RequestInit): Promise<Response>
  /** A page of getFeedSkeleton as it is answered. */
  page(rkey: string, query?: Record<string, string | number>): Promise<SkeletonPage>
  /** All posts of a feed, page by page. */
  walk(rkey: string, limit?: number): Promise<string[]>
  health(): Promise<Health>
  /** Waits until the committed position is at least so far. */
  untilCommitted(timeUs: number, timeoutMs?: number): Promise<void>
  /** SIGTERM by default; answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Sends a signal, and waits for nothing. */
  signal(signal: NodeJS.Signals): void
  /** The exit code, once the process has ended, by itself or not; null after a signal. */
  readonly exited: Promise<number | null>
  /** What it has said on stderr so far. */
  stderr(): string
}

export interface SkeletonPage {
  readonly feed: { readonly post: string; readonly reason?: { readonly $type: string } }[]
  readonly cursor?: string
}

export interface Health {
  readonly version: string
  readonly ingest: {
    readonly connected: boolean
    readonly host: string | null
    readonly positionUs: number | null
    readonly lagMs: number | null
    readonly eventsTotal: number
    readonly rejectedTotal: number
    readonly reconnectsTotal: number
    /** Why ingest stands still. */
    readonly problem: string | null
  }
}

/** Starts the service as a process of its own, as an operator would, and waits until it listens. */
export async function runApp(options: RunOptions = {}): Promise<RunningApp> {
  const own = options.folder === undefined ? temporaryFolder() : undefined
  const folder = options.folder ?? own?.path ?? ''
  const run = await startMain({ ...options, folder })
  const exited = new Promise<number | null>((resolve) => {
    run.child.once('exit', (code) => resolve(code))
  })
  const listening = await until(() => {
    if (run.child.exitCode !== null || run.child.signalCode !== null) {
      throw new Error(`the service did not start: ${run.stderr.join('')}`)
    }
    return run.logs.find(({ event }) => event === 'listening')
  }, options.startMs ?? START_MS).catch((error: unknown) => {
    // Nobody else could end it.
    run.child.kill('SIGKILL')
    throw error
  })
  const url = String(listening['url'])
  const publisher = String(listening['publisherDid'])
  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(url + path, init)
  const feedUri = (rkey: string): string => `at://${publisher}/app.bsky.feed.generator/${rkey}`

  async function page(rkey: string, query: Record<string, string | number> = {}) {
    const search = new URLSearchParams({ feed: feedUri(rkey) })
    for (const [name, value] of Object.entries(query)) {
      search.set(name, String(value))
    }
    const response = await get(`/xrpc/app.bsky.feed.getFeedSkeleton?${search.toString()}`)
    if (!response.ok) {
      throw new Error(`${response.status}: ${await response.text()}`)
    }
    return (await response.json()) as SkeletonPage
  }

  async function walk(rkey: string, limit = 100): Promise<string[]> {
    const posts: string[] = []
    let cursor: string | undefined
    do {
      const answer: SkeletonPage = await page(rkey, { limit, ...(cursor && { cursor }) })
      posts.push(...answer.feed.map(({ post }) => post))
      cursor = answer.cursor
    } while (cursor !== undefined)
    return posts
  }

  const health = async (): Promise<Health> => (await (await get('/xrpc/_health')).json()) as Health

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (run.child.exitCode === null && run.child.signalCode === null) {
      run.child.kill(signal)
    }
    return await exited
  }

  return {
    url,
    folder,
    logs: run.logs,
    feedUri,
    get,
    page,
    walk,
    health,
    exited,
    stop,
    signal: (signal) => {
      run.child.kill(signal)
    },
    stderr: () => run.stderr.join(''),
    untilCommitted: async (timeUs, timeoutMs) => {
      await until(async () => ((await health()).ingest.positionUs ?? 0) >= timeUs, timeoutMs)
    },
    [Symbol.asyncDispose]: async () => {
      await stop()
      own?.[Symbol.dispose]()
    },
  }
}

export interface FinishedRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script, or the service where it does not start, to its end, or to that of `terminated`. */
export async function runScript(
  script: string,
  args: readonly string[],
  options: RunOptions & { folder: string; terminated?: AbortSignal },
): Promise<FinishedRun> {
  const child = spawn(process.execPath, [resolvePath(ROOT, script), ...args], {
    cwd: options.folder,
    env: await environment(options),
  })
  options.terminated?.addEventListener('abort', () => child.kill('SIGTERM'))
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += String(data)
    options.onOutput?.(String(data))
  })
  child.stderr.on('data', (data) => (stderr += String(data)))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr }
}

async function startMain(options: RunOptions & { folder: string }) {
  const logs: LogLine[] = []
  const stderr: string[] = []
  const { nodeOptions = [], program = 'src/main.ts' } = options
  const args = [...nodeOptions, resolvePath(ROOT, program)]
  const child: ChildProcess = spawn(process.execPath, args, {
    cwd: options.folder,
    env: await environment(options),
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
    ...(options.killed && { signal: options.killed }),
  })
  // Killing by the signal is told as an error; whoever aborts it knows.
  child.on('error', (error) => stderr.push(String(error)))
  if (child.stdout !== null) {
    // `node:readline` would also end a line at U+2028, which may stand in a JSON text.
    let rest = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      options.onOutput?.(text)
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      logs.push(...lines.map((line) => JSON.parse(line) as LogLine))
    })
  }
  child.stderr?.on('data', (data) => stderr.push(String(data)))
  return { child, logs, stderr }
}

async function environment({ env, feeds, folder }: RunOptions & { folder: string }) {
  const feedsFile = join(folder, 'feeds.yaml')
  if (feeds !== undefined) {
    writeFileSync(feedsFile, feeds)
  }
  return {
    PATH: process.env['PATH'],
    NODE_COMPILE_CACHE: COMPILED,
    FEEDGEN_PORT: '0',
    FEEDGEN_FEEDS_FILE: feeds === undefined ? join(ROOT, 'feeds.yaml') : feedsFile,
    FEEDGEN_DATABASE_URL: await serviceDatabaseUrl(folder),
    ...env,
  }
}
