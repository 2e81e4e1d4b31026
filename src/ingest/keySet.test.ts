import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tid } from '../../test/support/events.ts'
import { KeySet } from './keySet.ts'

describe('a set of record keys', () => {
  test('knows each of its own, wherever it stands in a text', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 50 }), fc.string(), (keys, before) => {
        const set = new KeySet()
        keys.forEach((key) => set.add(key))
        return keys.every((key) => set.mayHave(key) && set.mayHave(before + key, before.length))
      }),
    )
  })

  test('takes hardly any stranger for one of its own, however many it has', () => {
    const set = new KeySet()
    const count = 200_000
    for (let index = 0; index < count; index += 1) {
      set.add(tid(1_800_000_000_000_000 + index * 7))
    }
    let strangers = 0
    for (let index = 0; index < count; index += 1) {
      strangers += Number(set.mayHave(tid(1_800_000_000_000_003 + index * 7)))
    }
    expect(strangers).toBeLessThan(100)
    expect(set.size).toBeGreaterThan(count - 100)
  })
})
