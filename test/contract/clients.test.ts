import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createClients } from '../../src/clients/clients.ts'
import type { RankPlace } from '../../src/clients/placeCursor.ts'
import type { PostQuery } from '../../src/clients/postQuery.ts'
import { readRankedPage } from '../../src/clients/rankedPosts.ts'
import { readPosts } from '../../src/clients/readPosts.ts'
import { DEFAULT_TRENDING } from '../../src/feedfile/readTrending.ts'
import type { Keyset } from '../../src/feeds/cursor.ts'
import type { PutPost } from '../../src/ingest/events/operations.ts'
import { US_PER_DAY } from '../../src/time.ts'
import { engines } from '../support/databases.ts'
import type { TestDatabase } from '../support/databases.ts'
import { feedOf, filterOf } from '../support/definitions.ts'
import { openFeedBench } from '../support/feedBench.ts'

const NOW = 1_800_000_000_000_000
const TAGS = ['art', 'cats', 'blue', 'rare']
const never = (): boolean => false

interface Stored {
  readonly uri: string
  readonly place: Keyset
  readonly tags: readonly string[]
  readonly did: string
}

/** Posts with few moments and cids, so that many share both. */
async function openBench(database: TestDatabase) {
  const clock = (): number => NOW
  const bench = await openFeedBench(database, [feedOf('art')], clock)
  const clients = createClients({
    ...{ database: database.reader, retentionDays: 30, trending: DEFAULT_TRENDING, clock },
    filterIdOf: () => undefined,
  })
  const stored: Stored[] = []
  const ops: PutPost[] = Array.from({ length: 240 }, (_, index) => {
    const did = `did:plc:${'abcd'[index % 4]}`
    const rkey = `r${index}`
    const tags = TAGS.filter((_tag, bit) => (((index * 7) >> bit) & 1) === 1)
    const place = {
      indexedAt: NOW - (index % 17) * 1_000,
      cid: `bafy${index % 3}aaaa`,
      uri: `at://${did}/app.bsky.feed.post/${rkey}`,
    }
    if (tags.length > 0) {
      stored.push({ uri: place.uri, place, tags, did })
    }
    const facts = tags.length === 0 ? undefined : { tags, media: 0, languages: [], labels: [] }
    const { cid, indexedAt } = place
    const of = { kind: 'putPost', did, rkey, rev: '3aaaaaaaaaaaa', timeUs: NOW } as const
    return { ...of, cid, indexedAt, facts, record: { text: rkey } }
  })
  await bench.store(...ops)
  const newest = stored.toSorted(
    ({ place: a }, { place: b }) =>
      b.indexedAt - a.indexedAt || compare(b.cid, a.cid) || compare(b.uri, a.uri),
  )
  return { clients, bench, newest }
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

function queryOf(parts: Partial<PostQuery>): PostQuery {
  const { tags = ['art'], match = 'any' } = parts
  return {
    ...{ tags, match, filterId: undefined, follows: undefined, untilUs: undefined },
    since: undefined,
    scope: 'x',
    ...parts,
    filter: { ...(parts.filter ?? filterOf({})), allTags: match === 'all' ? tags : [] },
  }
}

describe.each(engines)('posts by tags on $name', ({ open }) => {
  test('are walked both ways, each once, under any limits', async () => {
    await using database = await open()
    const { clients, newest } = await openBench(database)
    const query = fc.record({
      tags: fc.subarray(TAGS, { minLength: 1 }),
      match: fc.constantFrom('any' as const, 'all' as const),
      without: fc.subarray(TAGS),
      authors: fc.subarray(['did:plc:a', 'did:plc:b', 'did:plc:c']),
      limits: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
      since: fc.option(fc.nat(200), { nil: undefined }),
      untilUs: fc.option(
        fc.nat(18).map((back) => NOW - back * 1_000),
        { nil: undefined },
      ),
    })
    await fc.assert(
      fc.asyncProperty(query, async ({ tags, match, without, authors, limits, since, untilUs }) => {
        const sincePlace = since === undefined ? undefined : newest[since % newest.length]?.place
        const asked = queryOf({
          ...{ tags, match, untilUs, since: sincePlace },
          filter: filterOf({ noneTags: without, onlyAuthors: authors }),
        })
        const has = (post: Stored) => (tag: string) => post.tags.includes(tag)
        const from = sincePlace && newest.findIndex(({ place }) => place === sincePlace)
        const matching = newest
          .slice(0, from ?? newest.length)
          .filter(
            (post) =>
              (match === 'all' ? tags.every(has(post)) : tags.some(has(post))) &&
              !without.some(has(post)) &&
              (authors.length === 0 || authors.includes(post.did)) &&
              (untilUs === undefined || post.place.indexedAt < untilUs),
          )
          .map(({ uri }) => uri)
        const found: string[] = []
        let place: Keyset | undefined
        for (let page = 0; page === 0 || place !== undefined; page += 1) {
          const limit = limits[page % limits.length] ?? 1
          const { posts, next } = await readPosts(clients.reader, asked, {
            from: place,
            ...{ limit, isOver: never },
          })
          expect(posts.length === limit || next === undefined).toBe(true)
          found.push(...posts.map(([, , uri]) => uri))
          place = next
        }
        expect(found).toEqual(sincePlace === undefined ? matching : matching.toReversed())
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  test('have views with their record, rankings that stay, totals and explanations', async () => {
    await using database = await open()
    const { clients, newest, bench } = await openBench(database)
    const art = newest.filter(({ tags }) => tags.includes('art'))
    const { posts } = await readPosts(clients.reader, queryOf({}), { limit: 5, isOver: never })
    const views = await clients.readViews(
      posts.map(([, , , id]) => id),
      'did:plc:viewer',
    )
    expect(views.map(({ view: { uri, record } }) => [uri, record])).toEqual(
      art.slice(0, 5).map(({ uri }) => [uri, { text: uri.split('/').at(-1) }]),
    )
    expect(views[0]?.view).toMatchObject({ engagement: { likes: 0, views: 0 }, viewer: {} })
    expect(await clients.totals.count(queryOf({}))).toMatchObject({ count: art.length })
    const ids: number[] = []
    let next: RankPlace | undefined
    do {
      const page = await readRankedPage(clients.rankings.of(queryOf({})), {
        ...{ place: next, limit: 30, isOver: never },
        show: (some) =>
          clients.readViews(
            some.map(([, , , id]) => id),
            undefined,
          ),
      })
      ids.push(...page.posts.map(({ id }) => id))
      ;({ next } = page)
    } while (next !== undefined)
    expect(new Set(ids).size).toBe(art.length)
    const [first] = art
    const explained = await clients.explainPost(first?.uri ?? '')
    expect(explained).toMatchObject({ known: true, reason: 'kept' })
    expect(await explained.explain(feedOf('art'))).toMatchObject({ isIn: true })
    expect(await explained.explain(feedOf('nothing'))).toMatchObject({ isIn: false, rule: 'tags' })
    const reply: PutPost = {
      ...{
        kind: 'putPost',
        did: 'did:plc:a',
        rkey: 'reply',
        rev: '3aaaaaaaaaaaa',
        cid: 'bafyaaaa',
      },
      ...{ timeUs: NOW, indexedAt: NOW, facts: undefined, unkept: 'reply' },
    }
    await bench.store(reply)
    const unkept = await clients.explainPost('at://did:plc:a/app.bsky.feed.post/reply')
    expect(unkept).toMatchObject({ known: true, reason: 'reply' })
    expect(await unkept.explain(feedOf('art'))).toMatchObject({ isIn: false, rule: 'reply' })
    const unknown = await clients.explainPost('at://did:plc:z/app.bsky.feed.post/x')
    expect(unknown).toMatchObject({ known: false, reason: 'unknown' })
  })

  test('show nothing of who is hidden, nor what is too old, and keep their places over updates', async () => {
    await using database = await open()
    const { clients, newest, bench } = await openBench(database)
    const art = newest.filter(({ tags }) => tags.includes('art'))
    const edited = art.find(({ did }) => did === 'did:plc:d')
    const { posts } = await readPosts(clients.reader, queryOf({}), { limit: 500, isOver: never })
    const ids = posts.map(([, , , id]) => id)
    const rkey = edited?.uri.split('/').at(-1) ?? ''
    const facts = { tags: ['art'], media: 1, languages: ['en'], labels: [] }
    await bench.store(
      {
        ...{ kind: 'putPost', did: 'did:plc:d', rkey, rev: '3bbbbbbbbbbbb', cid: 'bafyedited' },
        ...{ timeUs: NOW, indexedAt: NOW, facts, createdUs: NOW, record: { text: 'edited' } },
      },
      {
        ...{ kind: 'setAccount', did: 'did:plc:b', active: false, status: 'deactivated' },
        ...{ timeUs: NOW, toldUs: NOW, time: NOW },
      },
    )
    const shown = await clients.readViews(ids, undefined)
    const visible = art.filter(({ did }) => did !== 'did:plc:b')
    expect(shown.map(({ view }) => view.uri)).toEqual(visible.map(({ uri }) => uri))
    const found = shown.find(({ view }) => view.uri === edited?.uri)
    expect(found).toMatchObject({
      place: edited?.place,
      view: { cid: 'bafyedited', record: { text: 'edited' }, media: ['image'], langs: ['en'] },
    })
    const asked = art.map(({ uri }) => uri)
    const counted = await clients.readEngagement(asked, undefined)
    expect(counted.map(({ uri }) => uri)).toEqual(visible.map(({ uri }) => uri))
    const late = createClients({
      ...{ database: database.reader, retentionDays: 30, trending: DEFAULT_TRENDING },
      clock: () => NOW + 31 * US_PER_DAY,
      filterIdOf: () => undefined,
    })
    expect(await late.readViews(ids, undefined)).toEqual([])
    expect(await late.readEngagement(asked, undefined)).toEqual([])
  })

  test('are looked at no farther than is said, and go on from there', async () => {
    await using database = await open()
    const { clients, bench } = await openBench(database)
    const facts = { tags: ['many'], media: 0, languages: ['en'], labels: [] }
    const places = Array.from({ length: 450 }, (_, index) => {
      const uri = `at://did:plc:a/app.bsky.feed.post/m${index}`
      return { indexedAt: NOW - 1 - index, cid: 'bafyaaaa', uri }
    })
    await bench.store(
      ...places.map(({ indexedAt, cid }, index): PutPost => {
        const key = { did: 'did:plc:a', rkey: `m${index}`, rev: '3aaaaaaaaaaaa' }
        return { kind: 'putPost', ...key, cid, timeUs: NOW, indexedAt, facts }
      }),
    )
    const query = queryOf({ tags: ['many'], filter: filterOf({ languages: ['ja'] }) })
    const found = await readPosts(clients.reader, query, {
      ...{ limit: 5, isOver: never, mostLookedAt: 20 },
    })
    // A batch of two hundred is looked at whole.
    expect(found).toEqual({ posts: [], next: places[199] })
    const rest = { limit: 5, isOver: never, from: found.next }
    expect(await readPosts(clients.reader, query, rest)).toEqual({ posts: [], next: undefined })
  })
})
