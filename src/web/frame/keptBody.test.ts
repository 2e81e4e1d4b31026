import { expect, test } from 'vitest'
import { KeptBody } from './keptBody.ts'

test('a body is made once for all who ask within a second, and again after it', async () => {
  let made = 0
  let nowMs = 0
  const kept = new KeptBody(
    async () => {
      made += 1
      await Promise.resolve()
      return `body ${made}`
    },
    () => nowMs,
  )
  const first = await Promise.all(Array.from({ length: 100 }, () => kept.get()))
  nowMs = 999
  first.push(await kept.get())
  expect(new Set(first.map(String))).toEqual(new Set(['body 1']))
  nowMs = 1_000
  const again = await Promise.all([kept.get(), kept.get()])
  expect(again.map(String)).toEqual(['body 2', 'body 2'])
  expect(made).toBe(2)
})

test('a body that cannot be made is tried again by whoever asks a second later', async () => {
  let nowMs = 0
  let isBroken = true
  const kept = new KeptBody(
    () => (isBroken ? Promise.reject(new Error('no')) : Promise.resolve('good')),
    () => nowMs,
  )
  await expect(kept.get()).rejects.toThrow('no')
  await expect(kept.get()).rejects.toThrow('no')
  isBroken = false
  nowMs = 1_000
  expect(String(await kept.get())).toBe('good')
})
