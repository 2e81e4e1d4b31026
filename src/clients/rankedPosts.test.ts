import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RankPlace } from './placeCursor.ts'
import type { PostTuple } from './postLists.ts'
import { readRankedPage } from './rankedPosts.ts'
import type { ReadRanked } from './rankedPosts.ts'

const tupleOf = (id: number): PostTuple => [
  id,
  'bafy',
  `at://did:plc:a/app.bsky.feed.post/${id}`,
  id,
]
const shownOf = (id: number) => ({
  id,
  place: { indexedAt: id, cid: '', uri: '' },
  view: {} as never,
})

test('pages of a ranking are full or the last, and show what is visible once, in its order', async () => {
  const parts = fc.record({
    visible: fc.array(fc.boolean(), { maxLength: 120 }),
    limits: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
    hole: fc.nat(3),
  })
  await fc.assert(
    fc.asyncProperty(parts, async ({ visible, limits, hole }) => {
      // Ranks with holes where posts have left.
      const ranks = visible.map((_, index) => 1 + index * (1 + hole))
      const read: ReadRanked = (place, count) => {
        const below = ranks.flatMap((rank, id) => (rank > (place?.rank ?? 0) ? [{ rank, id }] : []))
        const posts = below.slice(0, count).map(({ rank, id }) => ({ rank, post: tupleOf(id) }))
        return Promise.resolve({ ranking: 'r', posts })
      }
      const found: number[] = []
      let place: RankPlace | undefined
      let page = 0
      do {
        const limit = limits[page % limits.length] ?? 1
        const { posts, next } = await readRankedPage(read, {
          ...{ place, limit, isOver: () => false },
          show: (some) =>
            Promise.resolve(
              some.flatMap(([, , , id]) => (visible[id] === true ? [shownOf(id)] : [])),
            ),
        })
        expect(posts.length === limit || next === undefined).toBe(true)
        found.push(...posts.map(({ id }) => id))
        place = next
        page += 1
      } while (place !== undefined)
      expect(found).toEqual(visible.flatMap((isVisible, id) => (isVisible ? [id] : [])))
      expect(page).toBeLessThanOrEqual(Math.max(1, found.length))
    }),
  )
})
