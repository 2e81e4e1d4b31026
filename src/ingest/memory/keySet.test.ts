import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tid } from '../../../test/support/events.ts'
import { KeySet } from './keySet.ts'

describe('a set of record keys', () => {
  test('knows each of its own, however it came, and wherever it stands in a text', () => {
    const key = fc.stringMatching(/^[\w.:~-]{1,20}$/)
    const isRight = fc.property(fc.array(key), fc.array(key), key, (some, others, before) => {
      const set = new KeySet()
      some.forEach((each) => set.add(each))
      set.addAll(others.join(' '), others.length)
      return [...some, ...others].every((each) => {
        const text = `${before}${each}/${before}`
        const from = before.length
        return set.mayHave(`at://${before}/${each}`) && set.mayHave(text, from, from + each.length)
      })
    })
    expect(fc.check(isRight)).toMatchObject({ failed: false })
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
