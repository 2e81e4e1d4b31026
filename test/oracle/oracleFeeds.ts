/** The feeds of the oracle: every kind of filter, over the tags and accounts of the oracle's stream. */
import { did } from '../support/events.ts'

/** A feed as it stands in feeds.yaml. */
export interface OracleFeed {
  readonly rkey: string
  readonly name: string
  readonly tags: {
    readonly any?: readonly string[]
    readonly all?: readonly string[]
    readonly none?: readonly string[]
  }
  readonly media?: readonly ('image' | 'video' | 'link' | 'none')[]
  readonly languages?: readonly string[]
  readonly labels?: { readonly none: readonly string[] }
  readonly authors?: { readonly only?: readonly string[]; readonly none?: readonly string[] }
  readonly maxTags?: number
  readonly pinned?: string
  readonly order?: 'trending'
  readonly trending?: {
    readonly weights?: Readonly<Record<'likes' | 'reposts' | 'replies' | 'quotes', number>>
    readonly authorDecay?: number
    readonly featured?: readonly string[]
    readonly featuredBoost?: number
    readonly maxPosts?: number
  }
}

export const ACCOUNTS = 300

/** Two kinds of DID, so that the order of equal posts depends on more than one letter. */
export const accountOf = (slot: number): string =>
  slot % 25 === 3 ? `did:web:a${slot}.example.com` : did(slot + 1)

/** The first of these are frequent. */
export const TAGS = 'art music cats photo dogs books game c++ 2fast naïve'.split(' ')

/** The record key that pinned posts have; the stream writes some of them, and deletes some again. */
export const PINNED_RKEY = 'Pinned.1'

/** Accounts whose post with that key is pinned somewhere; the last is never heard of. */
export const PINNED_SLOTS = [0, 1, 2, 3, 4, 5, ACCOUNTS + 7]

const authors = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => accountOf(from + index))

const feed = (rkey: string, parts: Omit<OracleFeed, 'rkey' | 'name'>): OracleFeed => ({
  rkey,
  name: rkey,
  ...parts,
})

const FILTERED: readonly OracleFeed[] = [
  feed('any', { tags: { any: ['art', 'music', 'cats'] } }),
  feed('one', { tags: { any: ['photo'] } }),
  feed('all', { tags: { all: ['art', 'music'] } }),
  feed('anyall', { tags: { any: ['cats', 'dogs', '#C++'], all: ['art'] } }),
  feed('none', { tags: { any: ['art', 'dogs'], none: ['music', '2FAST'] } }),
  feed('pictures', { tags: { any: ['art', 'photo'] }, media: ['image', 'video'] }),
  feed('links', { tags: { any: ['music', 'books'] }, media: ['link'] }),
  feed('plain', { tags: { any: ['cats', 'music'] }, media: ['none', 'video'] }),
  feed('english', { tags: { any: ['art', 'books', 'game'] }, languages: ['en', 'und'] }),
  feed('japanese', { tags: { any: ['music', 'cats', 'game'] }, languages: ['ja'] }),
  feed('other', { tags: { any: ['art', 'dogs', 'photo'] }, languages: ['he', 'zh', 'deu'] }),
  feed('hebrew', { tags: { any: ['music', 'cats', 'books'] }, languages: ['iw', 'por'] }),
  feed('safe', { tags: { any: ['art', 'game'] }, labels: { none: ['porn', 'sexual'] } }),
  feed('friends', { tags: { any: ['art', 'music'] }, authors: { only: authors(0, 60) } }),
  feed('strangers', { tags: { any: ['cats', 'naïve'] }, authors: { none: authors(10, 90) } }),
  feed('few', { tags: { any: ['art', 'cats', 'dogs'] }, maxTags: 2 }),
  feed('strict', {
    tags: { any: ['art', 'music', 'cats', 'photo'], none: ['books'] },
    media: ['image', 'link', 'none'],
    languages: ['en', 'ja', 'pt'],
    labels: { none: ['nudity'] },
    authors: { none: authors(100, 120) },
    maxTags: 4,
  }),
]

const PINNED: readonly OracleFeed[] = PINNED_SLOTS.map((slot) =>
  feed(`pinned${slot}`, {
    tags: { any: [slot % 2 === 0 ? 'dogs' : '2fast'] },
    pinned: `at://${accountOf(slot)}/app.bsky.feed.post/${PINNED_RKEY}`,
  }),
)

/** No clock decides about their scores, nor about what is ranked. */
const TRENDING_KNOBS = { gravity: 0, windowHours: 876_000, refreshSeconds: 1 }

const trending = (
  rkey: string,
  parts: Omit<OracleFeed, 'rkey' | 'name'>,
  knobs: OracleFeed['trending'],
): OracleFeed => ({
  ...feed(rkey, parts),
  order: 'trending',
  trending: { maxPosts: 10_000, ...knobs, ...TRENDING_KNOBS },
})

/** The score of each of its posts tells all counts, and no post of the stream but a few is not in it. */
export const COUNTED: OracleFeed = trending(
  'counted',
  { tags: { any: TAGS } },
  { weights: { likes: 1, reposts: 200, replies: 40_000, quotes: 1_000_000 }, authorDecay: 1 },
)

const TRENDING: readonly OracleFeed[] = [
  COUNTED,
  trending(
    'fair',
    { tags: { any: ['art', 'music', 'cats'] } },
    {
      authorDecay: 0.5,
      featured: [...authors(20, 30), `at://${accountOf(0)}/app.bsky.feed.post/${PINNED_RKEY}`],
    },
  ),
  trending(
    'best',
    { tags: { any: ['art', 'photo', 'dogs'], none: ['books'] }, media: ['image', 'none'] },
    {
      weights: { likes: 2, reposts: 0, replies: 3, quotes: 0 },
      featured: authors(0, 9),
      featuredBoost: 0.25,
      maxPosts: 150,
    },
  ),
  trending(
    'topped',
    {
      tags: { any: ['dogs', 'cats'] },
      pinned: `at://${accountOf(0)}/app.bsky.feed.post/${PINNED_RKEY}`,
    },
    { weights: { likes: 0, reposts: 1, replies: 0, quotes: 1 }, authorDecay: 1 },
  ),
]

export const FEEDS: readonly OracleFeed[] = [...FILTERED, ...PINNED, ...TRENDING]

/** What is served at first: the other feeds come later and must have history at once. */
export const EARLY_FEEDS: readonly OracleFeed[] = [
  ...FILTERED.filter((_, index) => index % 2 === 0),
  ...PINNED,
  ...TRENDING.slice(0, 2),
]

/** As a feeds file: JSON is YAML. */
export const feedsFile = (feeds: readonly OracleFeed[]): string => JSON.stringify({ feeds })
