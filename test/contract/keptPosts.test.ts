import { describe, expect, test } from 'vitest'
import type { WriteDatabase } from '../../src/db/database.ts'
import type { Operation } from '../../src/ingest/events/operations.ts'
import { KeptPosts } from '../../src/ingest/memory/keptPosts.ts'
import { engines } from '../support/databases.ts'
import { feedOf } from '../support/definitions.ts'
import { openFeedBench } from '../support/feedBench.ts'

const NOW = 1_800_000_000_000_000
const put = (rkey: string, indexedAt: number): Operation => ({
  kind: 'putPost',
  did: 'did:plc:a',
  rkey,
  rev: '3a',
  cid: `cid${rkey}`,
  indexedAt,
  timeUs: NOW,
  facts: { tags: ['art'], media: 0, languages: [], labels: [] },
})
const uriOf = (rkey: string): string => `at://did:plc:a/app.bsky.feed.post/${rkey}`

describe.each(engines)('the set of kept posts on $name', ({ open }) => {
  test('holds the posts of the window, however many there are', async () => {
    await using database = await open()
    const { store } = await openFeedBench(database, [feedOf('art')], () => NOW)
    const young = Array.from({ length: 6_000 }, (_, index) => put(`young${index}`, NOW - index))
    await store(...young, put('old', NOW - 10_000_000))
    const kept = new KeptPosts()
    await kept.load(database.writer, { sinceUs: NOW - 9_000_000, untilUs: NOW })
    expect(young.every((op) => 'rkey' in op && kept.mayHave(uriOf(op.rkey)))).toBe(true)
    expect(kept.mayHave(uriOf('old'))).toBe(false)
  })

  test('stays as it was when it cannot be loaded anew', async () => {
    await using database = await open()
    const kept = new KeptPosts()
    kept.add('mine')
    const away: WriteDatabase = {
      ...database.writer,
      prepare: () => {
        throw new Error('away')
      },
    }
    await expect(kept.load(away, { sinceUs: NOW, untilUs: NOW })).rejects.toThrow('away')
    expect(kept.mayHave(uriOf('mine'))).toBe(true)
  })
})
