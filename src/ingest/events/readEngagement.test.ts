import { describe, expect, test } from 'vitest'
import { KeptPosts } from '../memory/keptPosts.ts'
import { readEngagements, readMark } from './readEngagement.ts'

const AUTHOR = 'did:plc:author'
const READER = 'did:plc:reader'
const ref = (rkey: string, did = AUTHOR) => ({
  uri: `at://${did}/app.bsky.feed.post/${rkey}`,
  cid: 'bafyreiaxf7tgbfydx3465sckitq6v564thxe2wwydbi7cwxbxvgssje3em',
})
const kept = new KeptPosts()
kept.add('ours')
kept.add('other')
const to = (kind: string, rkey = 'ours') => ({ kind, did: AUTHOR, rkey })

describe('a like or repost', () => {
  test('is for a post that may be kept', () => {
    expect(readMark('like', { subject: ref('ours') }, READER, kept)).toEqual(to('like'))
    expect(readMark('repost', { subject: ref('ours') }, READER, kept)).toEqual(to('repost'))
    expect(readMark('like', { subject: ref('strange') }, READER, kept)).toBeUndefined()
  })

  test("is nothing when it is the author's own", () => {
    expect(readMark('like', { subject: ref('ours') }, AUTHOR, kept)).toBeUndefined()
  })

  test.each([
    undefined,
    null,
    'ours',
    [],
    { uri: 7 },
    { uri: 'ours' },
    { uri: `at://${AUTHOR}/app.bsky.feed.generator/ours` },
    { uri: 'at://author.test/app.bsky.feed.post/ours' },
    { uri: `at://${AUTHOR}/app.bsky.feed.post/ours/ours` },
  ])('is nothing for what is no post: %j', (subject) => {
    expect(readMark('like', { subject }, READER, kept)).toBeUndefined()
  })
})

describe('a post', () => {
  const quote = (rkey: string) => ({ $type: 'app.bsky.embed.record', record: ref(rkey) })
  const withMedia = { $type: 'app.bsky.embed.recordWithMedia', record: { record: ref('ours') } }

  test('answers the root of its thread, whatever its parent is', () => {
    const reply = { root: ref('ours'), parent: ref('other') }
    expect(readEngagements({ reply }, READER, kept)).toEqual([to('reply')])
    expect(readEngagements({ reply: { parent: ref('ours') } }, READER, kept)).toEqual([])
  })

  test('quotes, with or without media, also by the long names of the types', () => {
    for (const embed of [quote('ours'), withMedia]) {
      expect(readEngagements({ embed }, READER, kept)).toEqual([to('quote')])
      const long = { ...embed, $type: `${embed.$type}#main` }
      expect(readEngagements({ embed: long }, READER, kept)).toEqual([to('quote')])
    }
    expect(readEngagements({ embed: { ...quote('ours'), $type: 'x' } }, READER, kept)).toEqual([])
  })

  test('can do both', () => {
    const record = { reply: { root: ref('ours') }, embed: quote('other') }
    expect(readEngagements(record, READER, kept)).toEqual([to('reply'), to('quote', 'other')])
  })

  test("of the author's own thread counts nothing", () => {
    expect(readEngagements({ reply: { root: ref('ours') } }, AUTHOR, kept)).toEqual([])
    expect(readEngagements({ embed: quote('ours') }, AUTHOR, kept)).toEqual([])
  })
})
