import { existsSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { createPost } from '../support/events.ts'
import { runScript } from '../support/runApp.ts'
import { feeds, isSqlite, refusalFaults, uriOf } from '../support/startService.ts'

describe('the scripts', () => {
  const folder = temporaryFolder()
  afterAll(() => folder[Symbol.dispose]())
  const options = { feeds, folder: folder.path }
  const [printFeed, replay] = ['scripts/printFeed.ts', 'scripts/replay.ts']
  const recording = join(folder.path, 'recording.jsonl')
  const startUs = (Date.now() - 3_600_000) * 1000
  const posts = Array.from({ length: 5 }, (_, n) =>
    createPost({ timeUs: startUs + n * 1000, tags: ['art'] }),
  )
  writeFileSync(recording, `${posts.map((post) => JSON.stringify(post)).join('\n')}\n{"kind":\n\n`)

  test.runIf(isSqlite).each<[script: string, args: string[], named: RegExp]>([
    [printFeed, [], /usage/i],
    [printFeed, ['art', 'cats'], /usage/i],
    [printFeed, ['art', '--limit', '0'], /limit/],
    [printFeed, ['art', '--limit', '-1'], /limit/],
    [printFeed, ['art', '--limit', 'x'], /limit/],
    [printFeed, ['art', '--limit', '1e1'], /limit/],
    [printFeed, ['art', '--limit', '2.5'], /limit/],
    [printFeed, ['art', '--limit'], /limit/],
    [printFeed, ['art', '--nonsense'], /nonsense/],
    [printFeed, ['nope'], /nope.*art.*cats/s],
    [printFeed, ['catz'], /did you mean 'cats'/],
    [replay, [recording, '--into', 'mysql:x'], /--into/],
    [printFeed, ['constructor'], /constructor/],
    [replay, [], /usage/i],
    [replay, [recording, recording], /usage/i],
    [replay, [recording, '--nonsense'], /nonsense/],
  ])('%s refuses wrong usage: %j', async (script, args, named) => {
    const run = await runScript(script, args, options)
    expect(refusalFaults(run, named)).toEqual([])
    expect(run.stdout).toBe('')
  })

  test.runIf(isSqlite).each<[script: string, args: string[]]>([
    [printFeed, ['art']],
    [replay, [recording]],
  ])('%s refuses a bad configuration', async (script, args) => {
    const env = { FEEDGEN_PORT: 'x', FEEDGEN_NONSENSE: '1' }
    const run = await runScript(script, args, { ...options, env })
    expect(refusalFaults(run, 'FEEDGEN_PORT', 'FEEDGEN_NONSENSE')).toEqual([])
  })

  test('replay a recording and print a feed as a reader would get it', async () => {
    for (const round of [1, 2]) {
      const into = ['--into', 'env:FEEDGEN_DATABASE_URL']
      const replayed = await runScript(replay, [recording, ...into], options)
      expect({ round, ...replayed }).toMatchObject({ round, code: 0 })
      expect(replayed.stderr).toMatch(/^into (sqlite|postgres):.*its position moves\n$/)
      expect(replayed.stdout).toContain('1 rejected: json\n')
      expect(replayed.stdout).toMatch(/^art: 5 posts$/m)
    }
    const newestFirst = posts.map(uriOf).toReversed()
    const lines = async (...args: string[]): Promise<string[]> => {
      const run = await runScript(printFeed, ['art', ...args], options)
      expect(run).toMatchObject({ code: 0, stderr: '' })
      return run.stdout.split('\n').filter((line) => line !== '')
    }
    const printed = (await lines('--json')).map((line) => JSON.parse(line) as object)
    expect(printed).toEqual(
      newestFirst.map((uri, index) => ({
        rank: index + 1,
        uri,
        indexedAt: expect.anything() as unknown,
      })),
    )
    const limited = await lines('--limit', '2')
    for (const [index, uri] of newestFirst.entries()) {
      expect(limited.some((line) => line.includes(uri))).toBe(index < 2)
    }
    const explained = await lines('--explain')
    expect(explained.length).toBeGreaterThanOrEqual(posts.length)
    for (const uri of newestFirst) {
      expect(explained.some((line) => line.includes(uri))).toBe(true)
    }
    // The lines are for a program; why there are none is for people.
    const empty = await runScript(printFeed, ['cats', '--json'], options)
    expect(empty).toMatchObject({ code: 0, stdout: '' })
    expect(empty.stderr).toMatch(/^cats is empty: no stored post that is visible carries/)
  })

  test('replay leaves the database of the service alone', async () => {
    using own = temporaryFolder()
    const run = await runScript(replay, [recording], { feeds, folder: own.path })
    expect(run).toMatchObject({ code: 0, stderr: '' })
    expect(run.stdout).toMatch(/^6 frames read.*^art: 5 posts$.*thrown away$/ms)
    expect(existsSync(join(own.path, 'data'))).toBe(false)
    const { stdout } = await runScript(printFeed, ['art'], { feeds, folder: own.path })
    expect(stdout).toMatch(/^art is empty: no post is stored yet/)
  })

  test.runIf(isSqlite)(
    'replay of a file without one good frame fails, and writes nothing',
    async () => {
      const path = join(folder.path, 'text.jsonl')
      writeFileSync(path, 'hello\n{"kind":"commit"}\n')
      const run = await runScript(replay, [path, '--into', 'sqlite:never.db'], options)
      expect(run).toMatchObject({ code: 1, stdout: '' })
      expect(run.stderr).toMatch(/^\S+text\.jsonl holds no good frame \(none of its 2 lines.*\n$/)
      expect(existsSync(join(folder.path, 'never.db'))).toBe(false)
    },
  )
})
