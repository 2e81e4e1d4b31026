import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/databases.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { Frame } from '../support/jetstreamServer.ts'
import { runApp, runScript } from '../support/runApp.ts'

// Posts of real people, which are not part of this project: kept beside it where it is developed.
const SAMPLES = fileURLToPath(new URL('../../../shared/data/jetstream-samples/', import.meta.url))
const WINDOW = join(SAMPLES, 'jetstream-v1-window-2026-07-04.jsonl')
const GOLDEN = join(SAMPLES, 'jetstream-v1-golden-2026-05-25.jsonl')

const FEEDS = `feeds:
  - { rkey: indie, name: Indie, tags: [IndieRebellion] }
  - { rkey: tales, name: Tales, tags: { all: [talesatwonderworld, balanwonderworldoc] }, media: [image] }
  - { rkey: both, name: Both, tags: [indierebellion, talesatwonderworld] }
`
const INDIE = 'at://did:plc:yxkyyxaaz6owyfmukvpoqdst/app.bsky.feed.post/3mptbypfywk2v'
const env = { FEEDGEN_RETENTION_DAYS: '36500', FEEDGEN_BACKFILL_HOURS: '36' }

const hasSamples = existsSync(WINDOW)

/** None where the samples are not: the tests are skipped there, but what is around them still runs. */
const readFrames = (path: string): Frame[] =>
  (hasSamples ? readFileSync(path, 'utf8') : '')
    .split('\n')
    .filter((line) => line !== '')
    .map((data) => ({ data, timeUs: (JSON.parse(data) as { time_us: number }).time_us }))

const postsOf = (frames: readonly Frame[], rkeys: readonly string[]): string[] =>
  rkeys.map((rkey) => {
    const line = frames.find(({ data }) => String(data).includes(`"rkey":"${rkey}"`))
    const { did } = JSON.parse(String(line?.data ?? '{}')) as { did: string }
    return `at://${did}/app.bsky.feed.post/${rkey}`
  })

describe.skipIf(!hasSamples)('the recorded events', () => {
  const window = readFrames(WINDOW)
  const golden = readFrames(GOLDEN)
  const all = [...golden, ...window]
  // Of commits, only those of posts, likes and reposts are asked for: what is not sent moves no position.
  const isAskedFor = ({ data }: Frame): boolean =>
    !String(data).includes('"kind":"commit"') ||
    /"collection":"app\.bsky\.feed\.(post|like|repost)"/.test(String(data))
  const lastOf = (frames: readonly Frame[]): number =>
    Math.max(...frames.filter(isAskedFor).map(({ timeUs }) => timeUs))
  const lastUs = lastOf(all)
  const [indie = INDIE, tales = ''] = postsOf(window, ['3mptbypfywk2v', '3mptbyo7tas2u'])
  const expected = { indie: [indie], tales: [tales], both: [indie, tales] }

  test('become the two root posts with tags, in the order of their times', async () => {
    await using jetstream = await openJetstreamServer()
    await using app = await runApp({
      feeds: FEEDS,
      env: { ...env, FEEDGEN_JETSTREAM_URLS: jetstream.url },
    })
    // Older than anything that is asked for at the first start: they come as they happen.
    await jetstream.waitForConnection()
    jetstream.append(...all)
    await app.untilCommitted(lastUs)
    for (const [rkey, posts] of Object.entries(expected)) {
      expect(await app.walk(rkey)).toEqual(posts)
    }
    const { ingest } = await app.health()
    expect(ingest).toMatchObject({ positionUs: lastUs, rejectedTotal: 0, connected: true })
    expect(await app.stop()).toBe(0)
  })

  test('give the same result when the service is stopped half way and started again', async () => {
    using folder = temporaryFolder()
    await using jetstream = await openJetstreamServer()
    const half = all.slice(0, 80)
    const options = {
      feeds: FEEDS,
      folder: folder.path,
      env: { ...env, FEEDGEN_JETSTREAM_URLS: jetstream.url },
    }
    const halfUs = lastOf(half)
    {
      await using app = await runApp(options)
      await jetstream.waitForConnection()
      jetstream.append(...half)
      await app.untilCommitted(halfUs)
      expect(await app.stop()).toBe(0)
    }
    jetstream.append(...all.slice(80))
    await using app = await runApp(options)
    await app.untilCommitted(lastUs)
    expect(jetstream.connections.at(-1)?.cursor).toBeLessThan(halfUs)
    for (const [rkey, posts] of Object.entries(expected)) {
      expect(await app.walk(rkey)).toEqual(posts)
    }
  })

  test('can be replayed and printed by hand, each frame with its reason', async () => {
    using folder = temporaryFolder()
    const options = { feeds: FEEDS, folder: folder.path, env }
    const into = ['--into', 'env:FEEDGEN_DATABASE_URL']
    const replay = await runScript('scripts/replay.ts', [WINDOW, '--explain', ...into], options)
    expect(replay).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('is added to it') as string,
    })
    const outcomes = replay.stdout.split('\n').slice(0, window.length)
    expect(outcomes).toHaveLength(152)
    const count = (text: string): number => outcomes.filter((line) => line.includes(text)).length
    expect(count('kept: #')).toBe(2)
    expect(count('not kept: a reply')).toBe(8)
    expect(count('not kept: no tags')).toBe(7)
    expect(count('delete of a post')).toBe(1)
    expect(count('account active')).toBe(1)
    expect(count('ignored: app.bsky.feed.like')).toBe(105)
    expect(replay.stdout).toContain('152 frames read')
    const print = await runScript('scripts/printFeed.ts', ['both', '--json'], options)
    expect(print).toMatchObject({ code: 0, stderr: '' })
    const lines = print.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(lines).toMatchObject([
      { rank: 1, uri: indie },
      { rank: 2, uri: tales },
    ])
  })
})
