import { expect, test } from 'vitest'
import { ENGAGEMENT, FATE, MEDIA_BIT, TRACED, wordOf } from './storedCodes.ts'

test('numbers that are in databases keep their meaning', () => {
  expect({ TRACED, FATE, ENGAGEMENT, MEDIA_BIT }).toEqual({
    TRACED: { post: 0, like: 1, repost: 2 },
    FATE: { unkept: 0, deleted: 1, expired: 2, reply: 3, untagged: 4, crowded: 5, unnamed: 6 },
    ENGAGEMENT: { like: 0, repost: 1, reply: 2, quote: 3, view: 4 },
    MEDIA_BIT: { image: 1, video: 2, link: 4 },
  })
  expect([wordOf(FATE, 1), wordOf(ENGAGEMENT, 3), wordOf(TRACED, 9)]).toEqual([
    'deleted',
    'quote',
    undefined,
  ])
})
