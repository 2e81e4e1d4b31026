import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TOP } from '../feeds/cursor.ts'
import { MergedLists } from './mergedLists.ts'
import type { PostTuple, ReadList } from './postLists.ts'

const BOTTOM = { indexedAt: -1, cid: '', uri: '' }

/** Few moments and cids, so that ties are the rule. */
const post = fc
  .record({ time: fc.nat(3), cid: fc.constantFrom('Zaa', 'baa', 'bab'), id: fc.nat(30) })
  .map(({ time, cid, id }): PostTuple => [time, cid, `at://did:plc:a/app.bsky.feed.post/${id}`, id])
const posts = fc.uniqueArray(post, { selector: ([, , uri]) => uri, maxLength: 30 })

function compare(a: PostTuple, b: PostTuple): number {
  const [x, y] = [a.slice(0, 3), b.slice(0, 3)]
  const index = x.findIndex((value, at) => value !== y[at])
  return index === -1 ? 0 : (x[index] ?? '') < (y[index] ?? '') ? -1 : 1
}

test('lists are merged in both directions, each post once, read no farther than needed', async () => {
  const members = fc.array(fc.array(fc.nat(29)), { minLength: 1, maxLength: 20 })
  const parts = fc.record({
    posts,
    members,
    isUp: fc.boolean(),
    step: fc.integer({ min: 1, max: 9 }),
  })
  await fc.assert(
    fc.asyncProperty(parts, fc.array(fc.nat(7)), async ({ posts, members, isUp, step }, counts) => {
      const ordered = posts.toSorted((a, b) => (isUp ? compare(a, b) : compare(b, a)))
      let read = 0
      const lists = members.map((indexes): ReadList => {
        const own = ordered.filter((_, index) => indexes.includes(index))
        return (place, limit) => {
          const at: PostTuple = [place.indexedAt, place.cid, place.uri, 0]
          const rest = own.filter((row) => (isUp ? compare(row, at) > 0 : compare(row, at) < 0))
          read += Math.min(limit, rest.length)
          return Promise.resolve(rest.slice(0, limit))
        }
      })
      const merged = new MergedLists(lists, { from: isUp ? BOTTOM : TOP, isUp, firstStep: step })
      const [first = 1, ...others] = counts
      const found = await merged.take(first)
      expect(read).toBeLessThanOrEqual(lists.length * step + 3 * first + 3 * step)
      for (const count of others) {
        found.push(...(await merged.take(count)))
      }
      found.push(...(await merged.take(100)))
      const all = new Set(members.flat())
      expect(found).toEqual(ordered.filter((_, index) => all.has(index)))
    }),
  )
})
