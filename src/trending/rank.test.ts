import { describe, expect, test } from 'vitest'
import { DEFAULT_TRENDING } from '../feedfile/readTrending.ts'
import { US_PER_HOUR } from '../time.ts'
import { rankPosts } from './rank.ts'
import type { Candidate } from './rank.ts'

const NOW = 1_800_000_000_000_000
const NONE = { likes: 0, replies: 0, reposts: 0, quotes: 0, views: 0 }

const post = (name: string, author: string, likes: number, ageHours = 4): Candidate => ({
  postId: 0,
  uri: `at://did:plc:${author}/app.bsky.feed.post/${name}`,
  cid: `cid${name}`,
  indexedAt: NOW - ageHours * US_PER_HOUR,
  counts: { ...NONE, likes },
})
const names = (posts: readonly { uri: string }[]): (string | undefined)[] =>
  posts.map(({ uri }) => uri.split('/').at(-1))

describe('a ranking', () => {
  test('penalises what else an author has, then sorts again, then cuts', () => {
    const candidates = [
      post('a1', 'a', 80),
      post('a2', 'a', 64),
      post('a3', 'a', 40),
      post('b1', 'b', 48),
      post('c1', 'c', 16),
    ]
    const ranked = rankPosts(candidates, DEFAULT_TRENDING, NOW)
    // 80, 64 / 2 = 32, 40 / 4 = 10, 48 and 16, each divided by 8.
    expect(names(ranked)).toEqual(['a1', 'b1', 'a2', 'c1', 'a3'])
    expect(ranked.map(({ score }) => score)).toEqual([10, 6, 4, 2, 1.25])
    expect(ranked.map(({ authorRank }) => authorRank)).toEqual([1, 1, 2, 1, 3])
    const three = rankPosts(candidates, { ...DEFAULT_TRENDING, maxPosts: 3 }, NOW)
    expect(names(three)).toEqual(['a1', 'b1', 'a2'])
  })

  test('puts equal scores newest first, and posts without engagement last, newest first', () => {
    const candidates = [
      post('old', 'a', 0, 9),
      post('young', 'b', 0, 1),
      post('same1', 'c', 8),
      post('same2', 'd', 8),
      post('middle', 'e', 0, 4),
    ]
    expect(names(rankPosts(candidates, DEFAULT_TRENDING, NOW))).toEqual([
      'same2',
      'same1',
      'young',
      'middle',
      'old',
    ])
  })

  test('boosts featured posts and authors', () => {
    const candidates = [post('x', 'a', 10), post('y', 'b', 9), post('z', 'c', 8)]
    const featured = ['at://did:plc:b/app.bsky.feed.post/y', 'did:plc:c']
    const ranked = rankPosts(candidates, { ...DEFAULT_TRENDING, featured }, NOW)
    expect(names(ranked)).toEqual(['y', 'z', 'x'])
    expect(ranked.map(({ isFeatured }) => isFeatured)).toEqual([true, true, false])
  })

  test('takes a post that is dated after it as new', () => {
    const [first] = rankPosts([post('x', 'a', 1, -5)], DEFAULT_TRENDING, NOW)
    expect(first).toMatchObject({ ageHours: 0 })
  })
})
