import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentMap } from './recentMap.ts'

test('a map of recent entries never tells what is not so, and forgets only what is old', () => {
  const step = fc.record({
    key: fc.nat(12),
    what: fc.constantFrom('get' as const, 'set' as const, 'delete' as const),
  })
  const limit = fc.integer({ min: 2, max: 9 })
  const isRight = fc.property(fc.array(step, { maxLength: 200 }), limit, (steps, size) => {
    const map = new RecentMap<number, number>(size)
    const truth = new Map<number, number>()
    return steps.every(({ key, what }, index) => {
      if (what === 'set') {
        map.set(key, index)
        truth.set(key, index)
        return map.get(key) === index
      }
      if (what === 'delete') {
        map.delete(key)
        truth.delete(key)
      }
      return [truth.get(key), undefined].includes(map.get(key))
    })
  })
  expect(fc.check(isRight)).toMatchObject({ failed: false })
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
