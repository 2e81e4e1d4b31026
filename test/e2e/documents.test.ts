/** What the documents tell people to type and to write is right: these tests read it out of them. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv, promisify } from 'node:util'
import BetterSqlite3 from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { configVariables, readConfig } from '../../src/config.ts'
import { parseFeedFile } from '../../src/feeds/feedFile.ts'
import { temporaryFolder } from '../support/databases.ts'
import { createPost } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const run = promisify(execFile)

const DOCUMENTS = ['README.md', 'docs/deployment.md', 'docs/operations.md', 'CONTRIBUTING.md']

/** The samples of a language. */
function samples(path: string, language: string): string[] {
  const fences = read(path).matchAll(/^```(\w+)\n([^]*?)^```$/gmu)
  return [...fences].flatMap(([, found, text = '']) => (found === language ? [text] : []))
}

/** The SQLite backup of the document that does not go into a container. */
function backupCommand(): string {
  const command = samples('docs/deployment.md', 'sh').find((text) =>
    text.startsWith('node_modules'),
  )
  return command?.trim() ?? 'false'
}

describe.each(DOCUMENTS)('%s', (path) => {
  test('names commands that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...read(path).matchAll(/npm run (?:--silent )?([a-zA-Z:]+)/gu)]
    expect(named.flatMap(([, name = '']) => (name in scripts ? [] : [name]))).toEqual([])
  })

  test('names variables that there are', () => {
    const known = new Set(Object.values(configVariables).map(({ name }) => name))
    const named = read(path).match(/FEEDGEN_[A-Z_]*[A-Z]/gu) ?? []
    const others = named.filter((name) => !known.has(name))
    expect(others.filter((name) => name !== 'FEEDGEN_TEST_POSTGRES_URL')).toEqual([])
  })

  test('links to files that there are', () => {
    const folder = join(ROOT, path, '..')
    const links = [...read(path).matchAll(/\]\((?!https?:)([^)#]+)/gu)].map(([, link = '']) => link)
    expect(links.filter((link) => !existsSync(join(folder, link)))).toEqual([])
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
      const command = backupCommand()
        .replaceAll('/var/lib/tagfeed/tagfeed.db', join(app.folder, 'data/test.db'))
        .replaceAll('/var/lib/tagfeed/backup', join(copy.path, 'backup'))
      await run('sh', ['-c', command], { cwd: ROOT })
      await app.untilCommitted(startUs + 999_000)
      const [name = ''] = (await run('ls', [copy.path])).stdout.split('\n')
      expect(name).toMatch(/^backup-\d{4}-\d\d-\d\d\.db$/u)
      await run('sh', ['-c', 'mkdir data && mv backup-*.db data/test.db'], { cwd: copy.path })
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
