import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentMap } from './recentMap.ts'

test('a map of recent entries never tells what is not so, and forgets only what is old', () => {
  const step = fc.record({
    key: fc.nat(12),
    what: fc.constantFrom('get' as const, 'set' as const, 'delete' as const),
  })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 2, max: 9 }),
      (steps, limit) => {
        const map = new RecentMap<number, number>(limit)
        const truth = new Map<number, number>()
        steps.forEach(({ key, what }, index) => {
          if (what === 'set') {
            map.set(key, index)
            truth.set(key, index)
            expect(map.get(key)).toBe(index)
          } else if (what === 'delete') {
            map.delete(key)
            truth.delete(key)
            expect(map.get(key)).toBeUndefined()
          } else {
            expect([truth.get(key), undefined]).toContain(map.get(key))
          }
        })
      },
    ),
  )
})

test('a map of recent entries holds those that are used, and no more than its limit', () => {
  const map = new RecentMap<number, number>(10)
  map.set(-1, 0)
  for (let key = 0; key < 1_000; key += 1) {
    map.set(key, key)
    expect(map.get(-1)).toBe(0)
  }
  const held = Array.from({ length: 1_000 }, (_, key) => map.get(key)).filter(
    (value) => value !== undefined,
  )
  expect(held.length).toBeLessThanOrEqual(10)
  map.clear()
  expect(map.get(-1)).toBeUndefined()
})
