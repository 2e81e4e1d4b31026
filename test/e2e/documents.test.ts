/** What the documents tell people to type and to write is right: these tests read it out of them. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv, promisify } from 'node:util'
import BetterSqlite3 from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { configVariables, readConfig } from '../../src/config/config.ts'
import { kitVariables } from '../../src/config/kitVariables.ts'
import { parseFeedFile } from '../../src/feedfile/feedFile.ts'
import { temporaryFolder } from '../support/databases.ts'
import { createPost } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const run = promisify(execFile)

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].concat(
  readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path}`),
)

/** The samples of a language. */
function samples(path: string, language: string): string[] {
  const fences = read(path).matchAll(/^```(\w+)\n([^]*?)^```$/gmu)
  return [...fences].flatMap(([, found, text = '']) => (found === language ? [text] : []))
}

/** The sample of a document that begins so. */
function commandOf(path: string, beginning: string): string {
  return samples(path, 'sh').find((text) => text.startsWith(beginning)) ?? 'false'
}

/** The text of a script; empty when there is none. */
function programText(name: string): string {
  const path = [`scripts/${name}.ts`, `scripts/dev/${name}.ts`].find((each) =>
    existsSync(join(ROOT, each)),
  )
  return path === undefined ? '' : read(path)
}

/** The texts of the programs of the service, without those of the tests. */
function programTexts(): string[] {
  const paths = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  return paths
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => read(`src/${path}`))
}

describe.each(DOCUMENTS)('%s', (path) => {
  test('names commands that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...read(path).matchAll(/npm run (?:--silent )?([a-zA-Z:]+)/gu)]
    expect(named.flatMap(([, name = '']) => (name in scripts ? [] : [name]))).toEqual([])
  })

  test('names variables that there are', () => {
    const own = Object.values(configVariables).map(({ name }) => name)
    const known = new Set([...own, ...kitVariables.keys()])
    const named = read(path).match(/FEEDGEN_[A-Z_]*[A-Z]/gu) ?? []
    const others = named.filter((name) => !known.has(name))
    expect(others.filter((name) => name !== 'FEEDGEN_TEST_POSTGRES_URL')).toEqual([])
  })

  test('gives commands the options that they have', () => {
    const given = read(path).matchAll(/npm run (?:--silent )?(\w+) -- ([^`\n|#]*)/gu)
    const unknown = [...given].flatMap(([, name = '', words = '']) => {
      const text = ['command', 'publishing', name].map((file) => programText(file)).join('')
      const options = [...words.matchAll(/--([a-z][A-Za-z-]*)/gu)].map(([, option]) => option)
      return options
        .filter((option) => !new RegExp(`\\b${option}\\b'?: `, 'u').test(text))
        .map((option) => `${name} --${option}`)
    })
    expect(unknown).toEqual([])
  })

  test('names and links to files that there are', () => {
    const folder = join(ROOT, path, '..')
    const links = [...read(path).matchAll(/\]\((?!https?:)([^)#]+)/gu)].map(([, link = '']) => link)
    expect(links.filter((link) => !existsSync(join(folder, link)))).toEqual([])
    const files = [...read(path).matchAll(/`((?:src|test|scripts|docs|deploy)\/[\w./-]+\w)`/gu)]
      .map(([, file = '']) => file)
      // Those of the official kit.
      .filter((file) => !['src/algos', 'src/subscription.ts'].includes(file))
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
  })

  test('has settings and feeds that the service takes', () => {
    for (const text of samples(path, 'ini')) {
      expect(readConfig(parseEnv(text))).toBeDefined()
    }
    for (const text of samples(path, 'yaml')) {
      expect(parseFeedFile(text, path)).not.toEqual([])
    }
  })
})

test('CHANGELOG.md has the version of package.json, dated, below what is unreleased', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  const [first, second = ''] = [...read('CHANGELOG.md').matchAll(/^## (.*)$/gmu)].map(
    ([, heading]) => heading,
  )
  expect(first).toBe('Unreleased')
  expect(second).toMatch(/ \(\d{4}-\d\d-\d\d\)$/u)
  expect(second.split(' ')[0]).toBe(version)
})

test('docs/scaling.md calls nothing measured that docs/benchmarks.md does not have', () => {
  const [, section = ''] = read('docs/scaling.md').split('\n## One machine\n')
  const [table = ''] = section.split('\n\n## ')
  const measured = [...table.matchAll(/^\| [^|]+ \| ([^|]+) \|/gmu)].map(([, cell = '']) => cell)
  const figures = measured.flatMap((cell) => cell.match(/\d[\d,.]*\d|\d/gu) ?? [])
  const known = new Set(read('docs/benchmarks.md').match(/\d[\d,.]*\d|\d/gu))
  expect(figures).not.toEqual([])
  expect(figures.filter((figure) => !known.has(figure))).toEqual([])
})

test('docs/invariants.md names for each line tests that there are, or says that there is none', () => {
  const lines = read('docs/invariants.md')
    .split(/^\d+\. /mu)
    .slice(1)
  const wrong = lines.flatMap((line) => {
    const named = [...line.matchAll(/`((?:src|test)\/[\w./]+\.test\.ts)`: "([^"\n]+)"/gu)]
    const missing = named.filter(
      ([, path = '', title = '']) => !existsSync(join(ROOT, path)) || !read(path).includes(title),
    )
    const isBare = named.length === 0 && !/\bno test\b/iu.test(line)
    return [...missing.map(([text]) => text), ...(isBare ? [line] : [])]
  })
  expect(lines.length).toBeGreaterThan(20)
  expect(wrong).toEqual([])
})

describe('docs/operations.md', () => {
  /** The first column of the table under a heading, as the names in it. */
  const firstColumn = (heading: string): string[] => {
    const [, section = ''] = read('docs/operations.md').split(`\n## ${heading}\n`)
    const [table = ''] = section.split('\n## ')
    const cells = [...table.matchAll(/^\| (`[^|]*?) \|/gmu)].map(([, cell = '']) => cell)
    return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/gu)].map(([, name = '']) => name))
  }

  test('explains every event that is logged, and no others', () => {
    const texts = programTexts()
    const threads = texts
      .filter((text) => text.includes('new SupervisedThread'))
      .flatMap((text) => [...text.matchAll(/\bname: '(\w+)',/gu)].map(([, name]) => name))
    const logged = texts.flatMap((text) =>
      [
        ...text.matchAll(/\.(?:trace|debug|info|warn|error|fatal)\(\s*\{\s*event: ([^,\n]+)/gu),
      ].flatMap(([, value = '']) =>
        [...value.matchAll(/['`]([^'`]+)['`]/gu)].map(([, name = '']) => name),
      ),
    )
    const names = logged.flatMap((name) =>
      name.startsWith('${name}')
        ? threads.map((thread) => name.replace('${name}', String(thread)))
        : [name],
    )
    expect(threads.length).toBeGreaterThan(1)
    const explained = firstColumn('Log lines')
    expect(explained.toSorted()).toEqual([...new Set(names)].toSorted())
    expect(new Set(explained).size).toBe(explained.length)
  })
})

describe('beside a service on this machine', () => {
  let app: RunningApp

  beforeAll(async () => {
    app = await runApp({ env: { FEEDGEN_JETSTREAM_URLS: 'ws://127.0.0.1:9/subscribe' } })
  })
  afterAll(async () => {
    await app[Symbol.asyncDispose]()
  })

  test('the curl of README.md gets a page of a feed of feeds.yaml', async () => {
    const { port } = new URL(app.url)
    const command = commandOf('README.md', 'curl -sG')
      .replaceAll('127.0.0.1:3000', `127.0.0.1:${port}`)
      .replaceAll('%3A3000', `%3A${port}`)
    const { stdout } = await run('sh', ['-c', command])
    expect(JSON.parse(stdout)).toEqual({ feed: [] })
  })

  test('the address of a page that README.md has typed by hand gets it too', async () => {
    const feed = app.feedUri('art').replace('%3A', '%253A')
    const response = await app.get(`/xrpc/app.bsky.feed.getFeedSkeleton?feed=${feed}`)
    expect(read('README.md')).toContain('%253A')
    expect(response.status).toBe(200)
  })

  test.each(['README.md', 'docs/operations.md', 'docs/scaling.md', 'docs/deployment.md'])(
    '%s names metrics that there are',
    async (path) => {
      const text = await (await app.get('/metrics')).text()
      const known = new Set(text.match(/\bfeedgen_\w+/gu))
      const named = [...read(path).matchAll(/`(_?[a-z_]+)(?:\{[^}]*\})?`/gu)]
        .map(([, name = '']) => name)
        .filter((name) => name.startsWith('feedgen_') || name.startsWith('_'))
      const missing = named.filter((name) => ![...known].some((each) => each.endsWith(name)))
      expect(missing).toEqual([])
    },
  )
})

test('the proxy of compose.yaml passes requests on to the port of the service', () => {
  const { services, configs } = parse(read('compose.yaml')) as {
    services: { tagfeed: { environment: { FEEDGEN_PORT: string } } }
    configs: { caddy: { content: string } }
  }
  const port = services.tagfeed.environment.FEEDGEN_PORT
  expect(configs.caddy.content).toContain(`reverse_proxy tagfeed:${port}\n`)
  expect(configs.caddy.content).toMatch(/^\$\{FEEDGEN_HOSTNAME:-localhost\} \{$/mu)
})

test('the unit of systemd starts what npm start starts, with the database of the document', () => {
  const unit = read('deploy/tagfeed.service')
  const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } }
  const [, command] = /^ExecStart=\/opt\/tagfeed\/node_modules\/.bin\/(.*)$/mu.exec(unit) ?? []
  expect(command).toBe(scripts.start)
  const [, folder] = /^StateDirectory=(.*)$/mu.exec(unit) ?? []
  const settings = samples('docs/deployment.md', 'ini').join('')
  expect(settings).toContain(`FEEDGEN_DATABASE_URL=sqlite:/var/lib/${folder}/`)
})

test('the feeds of an operator are copied out of the checkout, to where the settings say', async () => {
  using folder = temporaryFolder()
  const [setting] = /^FEEDGEN_FEEDS_FILE=.*$/mu.exec(
    samples('docs/deployment.md', 'ini').join(''),
  ) ?? ['']
  const path = setting.replace('FEEDGEN_FEEDS_FILE=', '')
  const command = commandOf('docs/deployment.md', 'install -d ').replaceAll(
    '/etc/',
    `${folder.path}/`,
  )
  await run('sh', ['-ec', command], { cwd: ROOT })
  const copied = readFileSync(path.replace('/etc/', `${folder.path}/`), 'utf8')
  expect(copied).toBe(read('feeds.yaml'))
  expect(path.startsWith('/opt/tagfeed')).toBe(false)
})

// Two starts of the service, which a busy machine takes its time for.
test(
  'the backup of the document is whole, made beside a service that writes, and starts',
  { timeout: 120_000 },
  async () => {
    await using jetstream = await openJetstreamServer()
    const startUs = (Date.now() - 60_000) * 1000
    const append = (from: number, count: number): void =>
      jetstream.appendAll(
        Array.from({ length: count }, (_, index) =>
          createPost({ timeUs: startUs + (from + index) * 1000, tags: ['art'] }),
        ),
      )
    const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url }
    const feeds = 'feeds: [{ rkey: art, name: Art, tags: [art] }]\n'
    using copy = temporaryFolder()
    let copied: readonly string[]
    {
      await using app = await runApp({ feeds, env })
      append(0, 500)
      await app.untilCommitted(startUs + 499_000)
      append(500, 500)
      mkdirSync(join(copy.path, 'data'))
      const command = commandOf('docs/deployment.md', 'npm run backup').replaceAll(
        '/var/backups/tagfeed.db',
        join(copy.path, 'data/test.db'),
      )
      const FEEDGEN_DATABASE_URL = `sqlite:${join(app.folder, 'data/test.db')}`
      const settings = { PATH: process.env['PATH'], FEEDGEN_DATABASE_URL }
      await run('sh', ['-c', command], { cwd: ROOT, env: settings })
      await app.untilCommitted(startUs + 999_000)
      copied = await app.walk('art')
    }
    const database = new BetterSqlite3(join(copy.path, 'data/test.db'), { readonly: true })
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
    database.close()
    // What came after the copy is read again.
    await using restored = await runApp({ feeds, env, folder: copy.path })
    await restored.untilCommitted(startUs + 999_000)
    expect(await restored.walk('art')).toEqual(copied)
  },
)
