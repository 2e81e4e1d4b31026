import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Feed, Page } from '../../src/feeds/feed.ts'
import { preparePageStatements } from '../../src/feeds/pageStatements.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { US_PER_DAY } from '../../src/time.ts'
import { engines } from '../support/databases.ts'
import { feedOf, filterOf } from '../support/definitions.ts'
import { openFeedBench } from '../support/feedBench.ts'

const NOW = 1_800_000_000_000_000
const clock = (): number => NOW
const facts = { tags: ['art'], media: 0, languages: [], labels: [] }

interface Place {
  readonly did: string
  readonly rkey: string
  readonly indexedAt: number
  readonly cid: string
}

const put = ({ did, rkey, indexedAt, cid }: Place): Operation => ({
  kind: 'putPost',
  did,
  rkey,
  rev: '3a',
  cid,
  indexedAt,
  timeUs: NOW,
  facts,
})
const uriOf = ({ did, rkey }: Place): string => `at://${did}/app.bsky.feed.post/${rkey}`

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
/** The order of the contract, worked out without the store. */
const newestFirst = (a: Place, b: Place): number =>
  b.indexedAt - a.indexedAt || byBytes(b.cid, a.cid) || byBytes(uriOf(b), uriOf(a))

// Few times and few cids, so that ties are the rule.
const places = fc.uniqueArray(
  fc.record({
    did: fc.constantFrom('did:plc:a', 'did:plc:b', 'did:web:B.example'),
    rkey: fc.constantFrom('r1', 'r2', 'R3', '~', '3mmoojp4cd223'),
    indexedAt: fc.constantFrom(NOW - 3, NOW - 2, NOW - 1),
    cid: fc.constantFrom('Zafy1111', 'bafy1111', 'bafy2222'),
  }),
  { selector: uriOf, maxLength: 15 },
)
const limits = fc.infiniteStream(fc.integer({ min: 1, max: 6 }))

async function walk(
  feed: Feed | undefined,
  limitsOf: Iterator<number>,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<string[]> {
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const limit = Number(limitsOf.next().value)
    const page: Page | undefined = await feed?.page({ limit, cursor })
    const uris = page?.posts ?? []
    expect(uris.length).toBeLessThanOrEqual(limit)
    expect(uris.length > 0 || page?.cursor === undefined).toBe(true)
    expect(page?.cursor === undefined || page.cursor !== cursor).toBe(true)
    seen.push(...uris)
    cursor = page?.cursor
    await between()
  } while (cursor !== undefined)
  return seen
}

describe.each(engines)('the pages of a recent feed on $name', ({ open }) => {
  test('together are all posts once, in order, under any limits, with ties', async () => {
    await fc.assert(
      fc.asyncProperty(places, limits, async (posts, some) => {
        await using database = await open()
        const { feeds, store } = await openFeedBench(database, [feedOf('art')], clock)
        await store(...posts.map(put))
        const expected = posts.toSorted(newestFirst).map(uriOf)
        expect(await walk(feeds[0], some)).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })

  test('repeat nothing and skip nothing that stays, while posts arrive and leave', async () => {
    await fc.assert(
      fc.asyncProperty(places, places, limits, async (posts, others, some) => {
        await using database = await open()
        const { feeds, store } = await openFeedBench(database, [feedOf('art')], clock)
        await store(...posts.map(put))
        const leaving = posts.filter((_, index) => index % 3 === 0)
        const left = new Set(leaving.map(uriOf))
        const known = new Set(posts.map(uriOf))
        const arriving = others.filter((other) => !known.has(uriOf(other)))
        const seen = await walk(feeds[0], some, async () => {
          const gone = leaving.pop()
          const came = arriving.pop()
          await store(
            ...(gone ? [{ ...gone, kind: 'deletePost' as const, rev: '3b' }] : []),
            ...(came ? [put(came)] : []),
          )
        })
        expect(new Set(seen).size).toBe(seen.length)
        const stayed = posts.filter((post) => !left.has(uriOf(post)))
        const seenOfThose = seen.filter((uri) => known.has(uri) && !left.has(uri))
        expect(seenOfThose).toEqual(stayed.toSorted(newestFirst).map(uriOf))
      }),
      { numRuns: 40 },
    )
  })

  test('show the pinned post first on page 1 and nowhere else, under any limits', async () => {
    await fc.assert(
      fc.asyncProperty(places, limits, fc.nat(), async (posts, some, pick) => {
        await using database = await open()
        const pinned =
          posts.length > 0 && pick % 2 === 0
            ? uriOf(posts[pick % posts.length] as Place)
            : 'at://did:plc:elsewhere/app.bsky.feed.post/3mmoojp4cd223'
        const definition = feedOf('art', { pinned })
        const { feeds, store } = await openFeedBench(database, [definition], clock)
        await store(...posts.map(put))
        const others = posts
          .toSorted(newestFirst)
          .map(uriOf)
          .filter((uri) => uri !== pinned)
        const asked: number[] = []
        const noted = some.map((limit) => {
          asked.push(limit)
          return limit
        })
        const walked = await walk(feeds[0], noted)
        // A first page of one post is how the app asks whether there is something new.
        expect(walked).toEqual(asked[0] === 1 ? others : [pinned, ...others])
      }),
      { numRuns: 40 },
    )
  })

  test('keep the pinned post when its author deletes a like with the same record key', async () => {
    await using database = await open()
    const pin = { did: 'did:plc:pin', rkey: '3mmoojp4cd223' }
    const definition = feedOf('art', { pinned: uriOf({ ...pin, indexedAt: 0, cid: '' }) })
    const { feeds, store } = await openFeedBench(database, [definition], clock)
    const page = async () => (await feeds[0]?.page({ limit: 5, cursor: undefined }))?.posts
    const gone = { ...pin, rev: '3b' }
    await store({ kind: 'deleteMark', mark: 'like', ...gone })
    await store({ kind: 'deleteMark', mark: 'repost', ...gone })
    expect(await page()).toEqual([definition.pinned])
    // Of an account whose erased posts are still being moved, whatever has become of it since.
    const hidden = { uri_prefix: 'at://did:plc:pin/' }
    await database.writer.kysely.insertInto('hidden_author').values(hidden).execute()
    expect(await page()).toEqual([])
    await database.writer.kysely.deleteFrom('hidden_author').execute()
    expect(await page()).toEqual([definition.pinned])
    await store({ kind: 'deletePost', ...gone })
    expect(await page()).toEqual([])
  })

  test('never show what is older than the retention', async () => {
    await using database = await open()
    const { feeds, store } = await openFeedBench(database, [feedOf('art')], clock)
    const edge = NOW - 30 * US_PER_DAY
    const post = { did: 'did:plc:a', cid: 'bafy1111' }
    await store(
      put({ ...post, rkey: 'old', indexedAt: edge - 1 }),
      put({ ...post, rkey: 'edge', indexedAt: edge }),
      put({ ...post, rkey: 'ancient', indexedAt: 0 }),
    )
    expect(await walk(feeds[0], [1, 1, 1].values())).toEqual([
      'at://did:plc:a/app.bsky.feed.post/edge',
    ])
  })

  test('are found by one search on an index, without a sort and without a scan', async () => {
    await using database = await open()
    for (const { sql } of Object.values(preparePageStatements(database.reader))) {
      expect(await database.planFaults(sql)).toBe('')
    }
  })
})

describe.each(engines)('a changed feed on $name', ({ open }) => {
  test('holds for the posts that are stored already', async () => {
    await using database = await open()
    const first = await openFeedBench(database, [feedOf('art')], clock)
    const post = { did: 'did:plc:a', cid: 'bafy1111', indexedAt: NOW - 1 }
    await first.store(put({ ...post, rkey: 'r1' }))
    await first.store({
      ...put({ ...post, rkey: 'r2' }),
      facts: { ...facts, tags: ['art', 'cats'] },
    } as Operation)
    const changed = [
      feedOf('art', { filter: filterOf({ allTags: ['art', 'cats'] }) }),
      feedOf('cats'),
      feedOf('dogs'),
    ]
    const { feeds } = await openFeedBench(database, changed, clock)
    const one = () => [5].values()
    expect(await walk(feeds[0], one())).toEqual(['at://did:plc:a/app.bsky.feed.post/r2'])
    expect(await walk(feeds[1], one())).toEqual(['at://did:plc:a/app.bsky.feed.post/r2'])
    expect(await walk(feeds[2], one())).toEqual([])
  })

  test('is followed by a store that was open before it', async () => {
    await using database = await open()
    const before = await openFeedBench(database, [feedOf('art')], clock)
    const after = await openFeedBench(database, [feedOf('cats')], clock)
    const post = { did: 'did:plc:a', cid: 'bafy1111', indexedAt: NOW - 1, rkey: 'r1' }
    await before.store({ ...put(post), facts: { ...facts, tags: ['cats'] } } as Operation)
    expect(await walk(after.feeds[0], [5].values())).toHaveLength(1)
  })
})
