import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TrendingOptions } from '../feeds/feedDefinition.ts'
import { US_PER_HOUR } from '../time.ts'
import { authorOf, rankPosts } from './rank.ts'
import type { Candidate } from './rank.ts'
import { rankBest } from './rankBest.ts'
import type { CandidateSource } from './rankBest.ts'
import { ageInHours, scorePost } from './score.ts'

const NOW = 1_800_000_000_000_000
const uriOf = (author: number, index: number): string =>
  `at://did:plc:author${author}/app.bsky.feed.post/p${index}`

/** Few values of each kind, so that times, cids, scores and authors are often equal. */
const candidates = fc
  .array(
    fc.record({
      author: fc.nat(4),
      ageHours: fc.constantFrom(-1, 0, 0.05, 0.1, 1, 4, 4.5, 72),
      cid: fc.constantFrom('a', 'b'),
      counts: fc.record({
        likes: fc.constantFrom(0, 0, 1, 2, 3, 1_000),
        replies: fc.nat(1),
        reposts: fc.nat(1),
        quotes: fc.nat(1),
        views: fc.constantFrom(0, 10, 11),
      }),
    }),
    { maxLength: 60, size: 'max' },
  )
  .map((posts) =>
    posts.map(({ author, ageHours, ...post }, index) => ({
      ...post,
      postId: index,
      uri: uriOf(author, index),
      indexedAt: NOW - ageHours * US_PER_HOUR,
    })),
  )

const weight = fc.constantFrom(0, 0.1, 1, 2)
const options = fc.record<TrendingOptions>({
  weights: fc.record({
    likes: weight,
    replies: weight,
    reposts: weight,
    quotes: weight,
    views: weight,
  }),
  gravity: fc.oneof(fc.constantFrom(0, 1.5), fc.double({ min: 0, max: 10, noNaN: true })),
  minAgeHours: fc.constantFrom(0.001, 0.1, 4.5, 100),
  featured: fc.subarray(['did:plc:author0', uriOf(1, 1), uriOf(2, 2), uriOf(3, 3)]),
  featuredBoost: fc.constantFrom(0, 0.5, 1.5, 1_000),
  authorDecay: fc.oneof(
    fc.constantFrom(0, 0.5, 1),
    fc.double({ min: 0, max: 1, noNaN: true, noDefaultInfinity: true }),
  ),
  windowHours: fc.constant(72),
  maxPosts: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.constantFrom(40, 60, 1_000)),
  refreshSeconds: fc.constant(60),
})

const guesses = fc.oneof(
  fc.constantFrom(undefined, 0, 0.125, 1e9),
  fc.double({ min: 0, max: 10, noNaN: true }),
)

/** Reads no more than it has to, but for the posts that `isExtra` says. */
function sourceOf(
  all: readonly Candidate[],
  knobs: TrendingOptions,
  isExtra: (postId: number) => boolean,
): CandidateSource & { floors: number[] } {
  const floors: number[] = []
  const scoreOf = ({ uri, counts, indexedAt }: Candidate): number => {
    const isFeatured = knobs.featured.some((name) => name === uri || name === authorOf(uri))
    return scorePost({ counts, isFeatured, ageHours: ageInHours(indexedAt, NOW) }, knobs)
  }
  const worthless = all.filter((post) => scoreOf(post) === 0)
  const newest = new Set(rankPosts(worthless, knobs, NOW).map(({ postId }) => postId))
  const isNeeded = (post: Candidate, floor: number): boolean =>
    floor > 0 ? scoreOf(post) >= floor : scoreOf(post) > 0 || newest.has(post.postId)
  return {
    floors,
    sample: () => Promise.resolve(all.filter(({ postId }) => isExtra(postId))),
    above: (floor) => {
      floors.push(floor)
      return Promise.resolve(
        all.filter((post) => isNeeded(post, floor) || isExtra(post.postId)).toReversed(),
      )
    },
  }
}

describe('the best of many candidates', () => {
  test('are ranked exactly as if all were looked at, whatever is guessed', async () => {
    await fc.assert(
      fc.asyncProperty(
        candidates,
        options,
        guesses,
        fc.func(fc.boolean()),
        async (all, knobs, guess, isExtra) => {
          const source = sourceOf(all, knobs, isExtra)
          const { posts } = await rankBest(source, { options: knobs, nowUs: NOW, guess })
          expect(posts).toEqual(rankPosts(all, knobs, NOW))
          // A guess that was too high is mended by what was read for it.
          expect(source.floors.length).toBeLessThanOrEqual(2)
        },
      ),
      { numRuns: 500 },
    )
  })

  const knobs: TrendingOptions = {
    weights: { likes: 1, replies: 0, reposts: 0, quotes: 0, views: 0 },
    gravity: 0,
    minAgeHours: 0.1,
    featured: [],
    featuredBoost: 1,
    authorDecay: 0.5,
    windowHours: 72,
    maxPosts: 2,
    refreshSeconds: 60,
  }
  const posts = [8, 6, 4, 2, 1].map((likes, index) => ({
    postId: index,
    uri: uriOf(index, index),
    cid: 'a',
    indexedAt: NOW,
    counts: { likes, replies: 0, reposts: 0, quotes: 0, views: 0 },
  }))
  const floorsFor = async (guess: number | undefined): Promise<[number[], number]> => {
    const source = sourceOf(posts, knobs, (postId) => postId > 2)
    const { weighed } = await rankBest(source, { options: knobs, nowUs: NOW, guess })
    return [source.floors.slice(), weighed]
  }

  test('are read once when the guess is low enough', async () => {
    expect(await floorsFor(6)).toEqual([[6], 4])
    expect(await floorsFor(5)).toEqual([[5], 4])
  })

  test('are read again when it is too high, down to what was found', async () => {
    expect(await floorsFor(7)).toEqual([[7, 2], 5])
  })

  test('need no guess', async () => {
    // The sample is of two posts, which score 2 and 1.
    expect(await floorsFor(undefined)).toEqual([[1], 5])
  })
})
