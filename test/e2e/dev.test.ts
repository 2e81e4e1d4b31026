/** `npm run dev`, as its line in package.json says, with a stream to read. */
import { spawn } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { createPost, refTo } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { LogLine } from '../support/runApp.ts'
import { until } from '../support/until.ts'

/** Each start on a busy machine takes its time. */
const START_MS = 45_000

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const ART = '  - { rkey: art, name: Art, tags: [art] }\n'
const CATS = '  - { rkey: cats, name: Cats, tags: [cats] }\n'

/** The script of package.json without npm, whose `node` is the one that runs this test. */
function readScript(name: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const [program, ...args] = (scripts[name] ?? '').split(' ')
  expect(program).toBe('node')
  return args.map((arg) => (arg.includes('/') ? join(ROOT, arg) : arg))
}

test('npm run dev ingests, and starts again when the feeds file changes', async () => {
  using folder = temporaryFolder()
  await using jetstream = await openJetstreamServer()
  const feedsFile = join(folder.path, 'feeds.yaml')
  writeFileSync(feedsFile, `feeds:\n${ART}`)
  const nowUs = Date.now() * 1000
  const [art, cat] = [
    createPost({ timeUs: nowUs - 2_000_000, tags: ['art'] }),
    createPost({ timeUs: nowUs - 1_000_000, tags: ['cats'] }),
  ]
  jetstream.append(art, cat)
  const child = spawn(process.execPath, readScript('dev'), {
    cwd: folder.path,
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/tagfeed'),
      FEEDGEN_PORT: '0',
      FEEDGEN_JETSTREAM_URLS: jetstream.url,
    },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (data) => (stdout += String(data)))
  child.stderr.on('data', (data) => (stderr += String(data)))
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const listening = (): LogLine[] =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine)
      .filter(({ event }) => event === 'listening')
  const read = async (rkey: string): Promise<string[]> => {
    const line = listening().at(-1)
    const uri = `at://${String(line?.['publisherDid'])}/app.bsky.feed.generator/${rkey}`
    const query = new URLSearchParams({ feed: uri }).toString()
    const answer = await fetch(
      `${String(line?.['url'])}/xrpc/app.bsky.feed.getFeedSkeleton?${query}`,
    ).catch(() => undefined)
    const page = (await answer?.json()) as { feed?: { post: string }[] } | undefined
    return (page?.feed ?? []).map(({ post }) => post)
  }
  try {
    await until(async () => (await read('art')).includes(refTo(art).uri), START_MS)

    // As editors do: another file takes its place.
    writeFileSync(join(folder.path, 'new.yaml'), `feeds:\n${ART}${CATS}`)
    renameSync(join(folder.path, 'new.yaml'), feedsFile)
    await until(async () => (await read('cats')).includes(refTo(cat).uri), START_MS)
    expect(listening()).toHaveLength(2)

    // A mistake is said, and mended by the next change.
    writeFileSync(feedsFile, 'feeds: [')
    await until(
      () => stderr.includes('feeds.yaml:1:') && stderr.includes('something changes'),
      START_MS,
    )
    writeFileSync(feedsFile, `feeds:\n${ART}`)
    await until(() => listening().length === 3, START_MS)
  } finally {
    child.kill('SIGTERM')
  }
  expect(await exited).toBe(0)
}, 180_000)
