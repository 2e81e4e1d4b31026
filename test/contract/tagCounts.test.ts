import { describe, expect, test } from 'vitest'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { storeBatch } from '../../src/ingest/store/storeBatch.ts'
import type { TagCount } from '../../src/tags/countTag.ts'
import { TagCounts } from '../../src/tags/tagCounts.ts'
import type { TagQuery } from '../../src/tags/tagCounts.ts'
import { prepareTagStatements } from '../../src/tags/tagStatements.ts'
import { US_PER_HOUR } from '../../src/time.ts'
import { createRecordStore } from '../support/createRecordStore.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { createRandom } from '../support/streamGenerator.ts'

const NOW = 1_800_000_000_000_000 + 17 * 60_000_000

interface ModelPost {
  readonly did: string
  readonly indexedAt: number
  readonly tags: readonly string[]
}

async function openBench(database: TestDatabase) {
  const { writer, reader } = database
  const store = createRecordStore(writer)
  const target = { store, pinned: [], windowUs: 0 }
  const time = { nowUs: NOW }
  const posts = new Map<string, ModelPost>()
  let rev = 0
  const next = (): string => `3${String((rev += 1)).padStart(6, '0')}`
  const store_ = async (ops: readonly Operation[]): Promise<void> =>
    await storeBatch(target, { ops, position: undefined, lastEventUs: undefined }, NOW)
  const put = (did: string, rkey: string, agoUs: number, tags: readonly string[]): Operation => {
    const indexedAt = posts.get(`${did}/${rkey}`)?.indexedAt ?? NOW - agoUs
    posts.set(`${did}/${rkey}`, { did, indexedAt, tags })
    return {
      kind: 'putPost',
      ...{ did, rkey, rev: next(), cid: `cid${rkey}`, indexedAt, timeUs: NOW },
      facts: tags.length === 0 ? undefined : { tags, media: 0, languages: [], labels: [] },
    }
  }
  const drop = (did: string, rkey: string): Operation => {
    posts.delete(`${did}/${rkey}`)
    return { kind: 'deletePost', did, rkey, rev: next() }
  }
  const account = (did: string, active: boolean, at: number): Operation => ({
    kind: 'setAccount',
    ...{ did, active, status: undefined, timeUs: at, toldUs: at, time: at },
  })
  const ask = async (query: Partial<TagQuery> = {}, counts = createCounts()) => {
    const whole = { prefix: undefined, tags: [], hours: 24, order: 'posts', ...query } as const
    return (await counts.count(whole)).tags
  }
  const createCounts = (): TagCounts =>
    new TagCounts({
      statements: prepareTagStatements(reader),
      retentionDays: 30,
      clock: () => time.nowUs,
    })
  return { time, posts, put, drop, account, store: store_, ask, createCounts }
}

/** The contract (section 9, `getTags`), post by post. */
function model(posts: Iterable<ModelPost>, hours: number, isShown = (_did: string) => true) {
  const since = NOW - hours * US_PER_HOUR
  const counts = new Map<
    string,
    { posts: number; authors: Set<string>; before: number; history: number[] }
  >()
  const step = hours > 48 ? 24 : 1
  for (const { did, indexedAt, tags } of posts) {
    for (const tag of isShown(did) ? tags : []) {
      const entry = counts.get(tag) ?? {
        posts: 0,
        authors: new Set(),
        before: 0,
        history: Array.from({ length: Math.ceil(hours / step) }, () => 0),
      }
      counts.set(tag, entry)
      if (indexedAt > since) {
        entry.posts += 1
        entry.authors.add(did)
        const place =
          entry.history.length - 1 - Math.floor((NOW - indexedAt) / (step * US_PER_HOUR))
        entry.history[place] = (entry.history[place] ?? 0) + 1
      } else if (indexedAt >= since - hours * US_PER_HOUR) {
        entry.before += 1
      }
    }
  }
  return [...counts]
    .map(([tag, { authors, ...rest }]) => ({ tag, ...rest, authors: authors.size }))
    .filter((entry) => entry.posts > 0)
    .toSorted((a, b) => b.posts - a.posts || b.authors - a.authors || (a.tag < b.tag ? -1 : 1))
    .slice(0, 100)
}

const plain = (tags: readonly TagCount[]) =>
  tags.map(({ tag, posts, authors, before, history }) => ({ tag, posts, authors, before, history }))

describe.each(engines)('getTags on $name', { timeout: 60_000 }, ({ open }) => {
  test('counts what is visible, in hours that end now, after all that happens to posts', async () => {
    await using database = await open()
    const { posts, put, drop, account, store, ask } = await openBench(database)
    const random = createRandom(7)
    const names = ['art', 'arts', 'cats', 'ink', 'ártico', '猫', '猫写真', 'dogs', 'ar-t']
    const ops: Operation[] = []
    for (let step = 0; step < 600; step += 1) {
      const did = `did:plc:${random.below(12)}`
      const rkey = `r${random.below(60)}`
      const tags = names.filter(() => random.chance(0.3))
      const agoUs = Math.floor(random.next() ** 2 * 400 * US_PER_HOUR)
      const isGone = random.chance(0.15)
      ops.push(isGone ? drop(did, rkey) : put(did, rkey, agoUs, tags))
    }
    // Empty tags leave a post without any.
    for (let from = 0; from < ops.length; from += 50) {
      await store(ops.slice(from, from + 50))
    }
    for (const hours of [1, 2, 24, 48, 49, 168]) {
      expect(plain(await ask({ hours }))).toEqual(model(posts.values(), hours))
    }
    const whole = model(posts.values(), 168)
    for (const prefix of ['ar', 'á', '猫', 'x']) {
      expect(plain(await ask({ hours: 168, prefix }))).toEqual(
        whole.filter(({ tag }) => tag.startsWith(prefix)),
      )
    }
    const named = await ask({ hours: 168, tags: ['猫', 'nothing', 'art'] })
    expect(plain(named).filter(({ posts: n }) => n > 0)).toEqual(
      whole.filter(({ tag }) => ['猫', 'art'].includes(tag)),
    )
    expect(named.at(-1)).toMatchObject({ tag: 'nothing', posts: 0, authors: 0, before: 0 })
    await store([account('did:plc:3', false, NOW)])
    const isShown = (did: string): boolean => did !== 'did:plc:3'
    expect(plain(await ask({ hours: 168 }))).toEqual(model(posts.values(), 168, isShown))
    await store([account('did:plc:3', true, NOW + 1)])
    expect(plain(await ask({ hours: 168 }))).toEqual(whole)
    const rows = await database.reader.kysely.selectFrom('post_tag').selectAll().execute()
    const hours = new Map<string, number>()
    for (const { tag, indexed_at } of rows) {
      const key = `${tag} ${Math.floor(indexed_at / US_PER_HOUR)}`
      hours.set(key, (hours.get(key) ?? 0) + 1)
    }
    const kept = await database.reader.kysely.selectFrom('tag_hour').selectAll().execute()
    expect(new Map(kept.map(({ tag, hour, posts: n }) => [`${tag} ${hour}`, n]))).toEqual(hours)
  })

  test('lets a tag rise by accounts, which one account cannot do', async () => {
    await using database = await open()
    const { put, store, ask } = await openBench(database)
    const ops: Operation[] = []
    for (let author = 0; author < 30; author += 1) {
      const did = `did:plc:${author}`
      ops.push(put(did, 'old', 30 * US_PER_HOUR, ['steady']))
      ops.push(put(did, 'new', US_PER_HOUR, author < 8 ? ['steady', 'rises'] : ['steady']))
      ops.push(put('did:plc:spam', `s${author}`, 1000 * author, ['stuffed']))
    }
    ops.push(put('did:plc:1', 'gone', 30 * US_PER_HOUR, ['falls']))
    await store(ops)
    const rising = (await ask({ order: 'rising' })).map(({ tag }) => tag)
    expect(rising).toEqual(['rises', 'stuffed'])
  })

  test('are at most a minute old, and shared by equal questions', async () => {
    await using database = await open()
    const { time, put, store, ask, createCounts } = await openBench(database)
    const counts = createCounts()
    await store([put('did:plc:a', 'r1', US_PER_HOUR, ['art'])])
    expect(await ask({}, counts)).toHaveLength(1)
    await store([put('did:plc:a', 'r2', US_PER_HOUR, ['cats'])])
    time.nowUs += 20_000_000
    expect(await ask({}, counts)).toHaveLength(1)
    expect(await ask({ hours: 25 }, counts)).toHaveLength(2)
    time.nowUs += 40_000_000
    expect(await ask({}, counts)).toHaveLength(2)
  })
})
