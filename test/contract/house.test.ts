import { readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'

/** Compiled from documents, or named by their number. */
const MADE = /^(?:lexicons|db\/migrations)\//u
/** What a process or a thread begins with: nobody calls what they export. */
const ENTRIES = new Set([
  'main.ts',
  'backup/checkProcess.ts',
  'db/upgrade/migrateProcess.ts',
  'ingest/ingestWorker.ts',
  'trending/rankWorker.ts',
])
/** Several small things about one subject, for which the file is named. */
const SUBJECTS = new Set([
  'time.ts',
  'config/configParsers.ts',
  'feedfile/feedFileTexts.ts',
  'http/httpServer.ts',
  'posts/recordText.ts',
  'posts/storedCodes.ts',
])

const ALL = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
)
const FILES = ALL.filter((path) => !path.endsWith('.test.ts'))

function importsOf(path: string): string[] {
  const text = readFileSync(join('src', path), 'utf8')
  return [...text.matchAll(/\b(?:from|import\()\s*'(\.[^']+)'/gu)].map(([, to = '']) =>
    normalize(join(dirname(path), to)),
  )
}

/** Which of the folders inside a folder import from which others, each with an import as a witness. */
function readEdges(folder: string): Map<string, Map<string, string>> {
  const prefix = folder === '' ? '' : `${folder}/`
  const roomOf = (path: string): string | undefined => {
    const parts = path.startsWith(prefix) ? path.slice(prefix.length).split('/') : []
    return parts.length > 1 ? parts[0] : undefined
  }
  const edges = new Map<string, Map<string, string>>()
  for (const path of FILES) {
    const from = roomOf(path)
    for (const to of from === undefined ? [] : importsOf(path)) {
      const room = roomOf(to)
      if (from !== undefined && room !== undefined && room !== from) {
        const known = edges.get(from) ?? new Map<string, string>()
        edges.set(from, known.set(room, `${path} → ${to}`))
      }
    }
  }
  return edges
}

function findCycles(edges: ReadonlyMap<string, ReadonlyMap<string, string>>): string[] {
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    [...(edges.get(from)?.keys() ?? [])].some(
      (next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))),
    )
  return [...edges].flatMap(([from, rooms]) =>
    [...rooms].filter(([room]) => reaches(room, from)).map(([, witness]) => witness),
  )
}

test('no two folders depend on each other, at any level', () => {
  const folders = new Set([
    '',
    ...FILES.map((path) => dirname(path)).filter((name) => name !== '.'),
  ])
  expect([...folders].flatMap((folder) => findCycles(readEdges(folder)))).toEqual([])
  const cycle = new Map([
    ['a', new Map([['b', 'a → b']])],
    ['b', new Map([['c', 'b → c']])],
    ['c', new Map([['b', 'c → b']])],
  ])
  expect(findCycles(cycle)).toEqual(['b → c', 'c → b'])
})

test('no room of ingest knows the files that put the rooms together', () => {
  const upwards = FILES.filter((path) => /^ingest\/.+\//u.test(path)).flatMap((path) =>
    importsOf(path)
      .filter((to) => dirname(to) === 'ingest')
      .map((to) => `${path} → ${to}`),
  )
  expect(upwards).toEqual([])
})

test('the linter has a rule of layers for every folder', () => {
  const { overrides } = JSON.parse(readFileSync('.oxlintrc.json', 'utf8')) as {
    overrides: { files: string[]; rules: Record<string, unknown> }[]
  }
  const ruled = overrides
    .filter(({ rules }) => Array.isArray(rules['eslint/no-restricted-imports']))
    .flatMap(({ files }) => files)
  const rooms = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(ruled.sort()).toEqual(rooms.map(({ name }) => `src/${name}/**`).sort())
})

/** `prepareMoves` → prepare, move. */
function wordsOf(name: string): string[] {
  return name
    .replaceAll('_', ' ')
    .replaceAll(/([a-z0-9])([A-Z])/gu, '$1 $2')
    .toLowerCase()
    .split(' ')
    .map((word) => word.replace(/ies$/u, 'y').replace(/s$/u, ''))
}

function isMisnamed(path: string): boolean {
  const text = readFileSync(join('src', path), 'utf8')
  const exported = [
    ...text.matchAll(
      /^export (?:async )?(?:function\*?|class|const|let|interface|type|enum) (\w+)/gmu,
    ),
  ].map(([, name = '']) => wordsOf(name))
  const words = wordsOf(basename(path, '.ts'))
  const isThing = exported.some((name) => words.every((word) => name.includes(word)))
  const areThings =
    exported.length > 2 && words.every((word) => exported.some((name) => name.includes(word)))
  return !isThing && !areThings
}

test('every file is named for what it exports', () => {
  const misnamed = FILES.filter((path) => !MADE.test(path) && isMisnamed(path))
  expect(misnamed.filter((path) => !ENTRIES.has(path) && !SUBJECTS.has(path))).toEqual([])
})

test('a unit test lies beside what it tests', () => {
  const rooms = new Set(FILES.map((path) => dirname(path)))
  expect(ALL.filter((path) => path.endsWith('.test.ts') && !rooms.has(dirname(path)))).toEqual([])
})
