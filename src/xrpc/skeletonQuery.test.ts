import { describe, expect, test } from 'vitest'
import { readSkeletonQuery } from './skeletonQuery.ts'

const feed = 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.generator/art'
const base = `feed=${encodeURIComponent(feed)}`

describe('readSkeletonQuery', () => {
  test('reads what it is given, with 50 as the default limit', () => {
    expect(readSkeletonQuery(base)).toEqual({ feed, limit: 50, cursor: undefined })
    expect(readSkeletonQuery(`${base}&limit=1&cursor=abc`)).toEqual({
      feed,
      limit: 1,
      cursor: 'abc',
    })
    expect(readSkeletonQuery(`limit=100&${base}`)).toMatchObject({ limit: 100 })
  })

  test('takes an empty limit or cursor for absent, and lets unknown parameters pass', () => {
    const query = readSkeletonQuery(`${base}&limit=&cursor=&other=1`)
    expect(query).toEqual({ feed, limit: 50, cursor: undefined })
  })

  test.each([
    '',
    'feed=',
    'feed=art',
    'feed=https://example.com',
    'feed=at://',
    'feed=%ff',
    `${base}&${base}`,
    `${base}&limit=5&limit=5`,
    `${base}&cursor=a&cursor=`,
    `${base}&other=1&other=2`,
    ...['0', '101', '-1', '+5', '5.0', '1e1', '0x10', ' 5', '5 ', 'abc', '٣', '1000', '00005'].map(
      (limit) => `${base}&limit=${encodeURIComponent(limit)}`,
    ),
  ])('refuses %j', (search) => {
    expect(() => readSkeletonQuery(search)).toThrow(
      expect.objectContaining({ error: 'InvalidRequest', status: 400 }),
    )
  })
})
