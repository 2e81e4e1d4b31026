import { lexParse, parseCid } from '@atproto/lex'
import {
  isValidAtUri,
  isValidDatetime,
  isValidDid,
  isValidNsid,
  isValidRecordKey,
  isValidTid,
} from '@atproto/syntax'
import { app } from '@bsky/sdk/lexicons'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createPost,
  deleteLike,
  did,
  fakeBlobCid,
  fakeCid,
  refTo,
  repost,
  tid,
  updatePost,
} from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import { START_US, mixture, post } from '../support/jetstreamClient.ts'
import { createRandom, generateEvents, generateFrames, take } from '../support/streamGenerator.ts'

/** Every way in which an event can break the syntax that a reader may rely on. */
function flaws(event: JetstreamEvent): string[] {
  const bad: string[] = []
  const check = (what: string, isGood: boolean) => (isGood ? undefined : bad.push(what))
  check('did', isValidDid(event.did))
  check('time_us', Number.isSafeInteger(event.time_us))
  if (event.kind !== 'commit') {
    const body = event.kind === 'account' ? event.account : event.identity
    check('own did', body.did === event.did)
    check('time', isValidDatetime(body.time))
    return bad
  }
  const { rev, operation, collection, rkey, record, cid } = event.commit
  check('rev', isValidTid(rev))
  check('collection', isValidNsid(collection))
  check('rkey', isValidRecordKey(rkey) && (rkey === 'self' || isValidTid(rkey)))
  if (operation === 'delete') {
    check('empty', record === undefined && cid === undefined)
    return bad
  }
  check('cid', isCidOf(cid ?? ''))
  check('type', record?.['$type'] === collection)
  check('createdAt', rkey === 'self' || isValidDatetime(record?.['createdAt']))
  const subject = record?.['subject']
  if (typeof subject === 'object' && subject !== null && 'uri' in subject) {
    check('subject', typeof subject.uri === 'string' && isValidAtUri(subject.uri))
  }
  return bad
}

/** In canonical form, of a DAG-CBOR record (or of a raw blob). */
function isCidOf(text: string, codec = 0x71): boolean {
  const cid = parseCid(text)
  return cid.toString() === text && cid.version === 1 && cid.code === codec && text.length === 59
}

describe('the builders', () => {
  test('every builder gives a valid event', () => {
    const subject = refTo(post(1))
    const at = { timeUs: START_US, rkey: tid(START_US) }
    const events = [...mixture(), deleteLike(at), repost({ ...at, subject }), updatePost(at)]
    expect(events.map(flaws)).toEqual(events.map(() => []))
  })

  test('facets mark the hashtags in UTF-8 bytes', () => {
    const event = createPost({ timeUs: START_US, text: 'Grüße 猫', tags: ['猫', 'café', 'art'] })
    const { text, facets } = event.commit.record as {
      text: string
      facets: { index: { byteStart: number; byteEnd: number } }[]
    }
    expect(text).toBe('Grüße 猫 #猫 #café #art')
    const marked = facets.map(({ index }) =>
      Buffer.from(text).subarray(index.byteStart, index.byteEnd).toString(),
    )
    expect(marked).toEqual(['#猫', '#café', '#art'])
  })

  test('record fields lie over what is built', () => {
    const { commit } = createPost({ timeUs: START_US, record: { langs: undefined, tags: ['x'] } })
    expect(JSON.parse(JSON.stringify(commit.record))).toEqual({
      $type: 'app.bsky.feed.post',
      createdAt: '2026-07-04T00:00:00.000Z',
      text: 'An invented post',
      tags: ['x'],
    })
  })

  test('a delete leaves nothing to point at', () => {
    expect(() => refTo(deleteLike({ timeUs: 1, rkey: 'x' }))).toThrow('no record')
    expect(() => tid(1.5)).toThrow(RangeError)
  })

  test('TIDs sort by time, then by clock', () => {
    const times = fc.nat({ max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(times, times, fc.nat(1023), fc.nat(1023), (a, b, first, second) => {
        const [left, right] = [tid(a, first), tid(b, second)]
        expect(isValidTid(left)).toBe(true)
        expect(left < right).toBe(a === b ? first < second : a < b)
      }),
    )
    expect(tid(1_783_175_888_085_434, 5)).toBe('3mptbyq5chu27')
  })

  test('invented names are valid, and different from each other', () => {
    const numbers = Array.from({ length: 20_000 }, (_, n) => n)
    expect(new Set(numbers.map(did)).size).toBe(numbers.length)
    expect(new Set(numbers.map(fakeCid)).size).toBe(numbers.length)
    expect(numbers.every((n) => isValidDid(did(n)) && did(n).length === 32)).toBe(true)
    expect(numbers.every((n) => isCidOf(fakeCid(n)))).toBe(true)
    expect(numbers.every((n) => isCidOf(fakeBlobCid(n), 0x55))).toBe(true)
  })
})

describe('the generated stream', () => {
  const events = (count: number, seed = 1): JetstreamEvent[] =>
    take(count, generateEvents({ seed, startUs: START_US, accounts: 500, rememberedPosts: 2_000 }))
  const created = (stream: JetstreamEvent[], collection: string) =>
    stream.flatMap((event) =>
      event.kind === 'commit' &&
      event.commit.operation === 'create' &&
      event.commit.collection === collection
        ? [event]
        : [],
    )

  test('the same seed gives the same stream, another seed another', () => {
    const text = JSON.stringify(events(3_000))
    expect(JSON.stringify(events(3_000)) === text).toBe(true)
    expect(JSON.stringify(events(3_000, 2)) === text).toBe(false)
    const frames = take(100, generateFrames({ seed: 3 }))
    const same = take(100, generateEvents({ seed: 3 }))
    expect(frames).toEqual(
      same.map((event) => ({ timeUs: event.time_us, data: JSON.stringify(event) })),
    )
  })

  test('all of 20,000 events are valid', () => {
    const stream = events(20_000)
    expect(stream.filter((event) => flaws(event).length > 0)).toEqual([])
    const posts = created(stream, 'app.bsky.feed.post')
    const bad = posts.filter(({ commit }) => {
      const record = lexParse(JSON.stringify(commit.record))
      return !app.bsky.feed.post.$safeParse(record).success
    })
    expect(bad.slice(0, 3)).toEqual([])
  })

  test('the mix and the sizes are those of the real network', () => {
    const stream = take(40_000, generateEvents({ seed: 5 }))
    const likes = created(stream, 'app.bsky.feed.like')
    const posts = created(stream, 'app.bsky.feed.post')
    const share = (part: unknown[], whole: unknown[] = stream) => part.length / whole.length
    const meanBytes = (part: JetstreamEvent[]) =>
      part.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0) / part.length
    expect(share(likes)).toBeCloseTo(0.69, 1)
    expect(share(posts)).toBeCloseTo(0.11, 1)
    expect(share(created(stream, 'app.bsky.feed.repost'))).toBeCloseTo(0.1, 1)
    expect(Math.abs(meanBytes(likes) - 529)).toBeLessThan(40)
    expect(Math.abs(meanBytes(posts) - 846)).toBeLessThan(60)
    const tagged = posts.filter(({ commit: { record } }) => {
      const hasTags = record?.['facets'] !== undefined || record?.['tags'] !== undefined
      return record?.['reply'] === undefined && hasTags
    })
    expect(share(tagged, posts)).toBeGreaterThan(0.09)
    expect(share(tagged, posts)).toBeLessThan(0.13)
    const seconds = ((stream.at(-1)?.time_us ?? 0) - (stream[0]?.time_us ?? 0)) / 1e6
    expect(stream.length / seconds).toBeCloseTo(350, -2)
    const text = JSON.stringify(stream)
    for (const part of ['images', 'gallery', 'video', 'external', 'record', 'recordWithMedia']) {
      expect(text).toContain(`"app.bsky.embed.${part}"`)
    }
    for (const part of ['#selfLabels', '"status":"deleted"', '"via":', '"tags":', '"reply":']) {
      expect(text).toContain(part)
    }
  })

  test('times and revisions increase, and commits fit what happened before', () => {
    const records = new Set<string>()
    const silent = new Set<string>()
    const revs = new Map<string, string>()
    let lastUs = START_US - 1
    for (const event of events(30_000)) {
      expect(event.time_us).toBeGreaterThan(lastUs)
      lastUs = event.time_us
      if (event.kind === 'account') {
        silent[event.account.active ? 'delete' : 'add'](event.did)
      }
      if (event.kind !== 'commit') {
        continue
      }
      const { rev, operation, collection, rkey } = event.commit
      const uri = `at://${event.did}/${collection}/${rkey}`
      expect(silent.has(event.did)).toBe(false)
      expect(rev > (revs.get(event.did) ?? '')).toBe(true)
      expect(records.has(uri)).toBe(operation !== 'create' && rkey !== 'self')
      revs.set(event.did, rev)
      if (operation === 'delete') {
        records.delete(uri)
      } else if (rkey !== 'self') {
        records.add(uri)
      }
    }
    expect(silent.size).toBeGreaterThan(0)
  })

  test('likes go to earlier posts, and mostly to late ones', () => {
    const seen = new Map<string, number>()
    const ages: number[] = []
    for (const event of events(30_000)) {
      if (event.kind !== 'commit' || event.commit.operation === 'delete') {
        continue
      }
      const { uri } = refTo(event)
      const { collection, record } = event.commit
      if (collection === 'app.bsky.feed.post' && event.commit.operation === 'create') {
        seen.set(uri, seen.size)
      } else if (collection === 'app.bsky.feed.like') {
        const subject = record?.['subject'] as { uri: string }
        ages.push(seen.size - 1 - (seen.get(subject.uri) ?? Infinity))
      }
    }
    expect(ages.every(Number.isFinite)).toBe(true)
    expect(ages.filter((age) => age < 500).length / ages.length).toBeGreaterThan(0.5)
  })

  test('shares can be changed', () => {
    const shares = { like: 0, repost: 0, follow: 0, delete: 0, update: 0, block: 0 }
    const options = { shares: { ...shares, identity: 0, account: 0 }, taggedShare: 1 }
    const stream = take(500, generateEvents(options))
    expect(created(stream, 'app.bsky.feed.post')).toHaveLength(500)
    expect(stream.every((event) => JSON.stringify(event).match(/#tag"|"tags"/))).toBe(true)
  })

  test('a list of nothing has nothing to pick', () => {
    expect(() => createRandom(1).pick([])).toThrow(RangeError)
  })
})
