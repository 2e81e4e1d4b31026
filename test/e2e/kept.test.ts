import { beforeAll, describe, expect, test } from 'vitest'
import { identityEvent } from '../support/events.ts'
import type { CommitEvent } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import {
  app,
  nowUs,
  post,
  publish,
  remove,
  tagGroups,
  tick,
  update,
  uriOf,
} from '../support/keptBench.ts'
import { runApp } from '../support/runApp.ts'

/** Section 4 of the contract, rule by rule: which posts are kept, and by which tags. */

/** None of these is a tag. */
const noTags: readonly (readonly [name: string, text: string])[] = [
  ['nothing', ''],
  ['a number sign alone', '#'],
  ['number signs and spaces', ' # ＃ '],
  ['white space', '\u3000\t'],
  ['only ignorable characters', '\u200b\ufe0f\u3164\u00ad'],
  ['65 graphemes', 'y'.repeat(65)],
  ['65 graphemes in four characters', '\ufdfa'.repeat(4)],
  ['a NUL', 'nul\u0000tag'],
  ['a lone surrogate', 'lone\ud800'],
  ['a lone surrogate in front', '\udc00lone'],
]

describe('a root post', () => {
  const rows: [name: string, record: Record<string, unknown>, isKept: boolean][] = [
    ['no reply', {}, true],
    ['reply: null', { reply: null }, true],
    ['a reply', { reply: { root: { uri: 'at://x', cid: 'y' }, parent: {} } }, false],
    ['an empty reply', { reply: {} }, false],
    ['a reply that is text', { reply: '' }, false],
    ['a reply that is false', { reply: false }, false],
    ['a reply that is 0', { reply: 0 }, false],
    ['a reply that is a list', { reply: [] }, false],
    ['another $type', { $type: 'app.bsky.feed.like' }, true],
    ['a $type that is a number', { $type: 7 }, true],
    ['no text', { text: undefined }, true],
    ['a text that is a number', { text: 9 }, true],
    ['bad languages, labels and embed', { langs: 'en', labels: [[]], embed: 'images' }, true],
    ['a field called __proto__', JSON.parse('{"__proto__":{"reply":{}}}'), true],
    ['a quote', { embed: { $type: 'app.bsky.embed.record', record: {} } }, true],
    ['self-labels', { labels: { values: [{ val: 'porn' }] } }, true],
    ['no tags', { facets: [] }, false],
  ]
  const posts = rows.map(([, record]) => post('root', { record }))
  let members: string[] = []

  beforeAll(async () => {
    await publish(...posts)
    members = await app.walk('root')
  })

  test.each(rows.map(([name, , isKept], index) => [name, isKept, index] as const))(
    'with %s is kept: %s',
    (_, isKept, index) => {
      expect(members.includes(uriOf(posts[index] as CommitEvent))).toBe(isKept)
    },
  )
})

describe('the tags of a post', () => {
  const tagFeature = (tag: unknown) => ({ $type: 'app.bsky.richtext.facet#tag', tag })
  const facet = (...features: unknown[]) => ({ index: { byteStart: 0, byteEnd: 1 }, features })
  const rows: [name: string, record: Record<string, unknown>, isKept: boolean][] = [
    ['a facet', { facets: [facet(tagFeature('src'))] }, true],
    ['tags[]', { tags: ['src'] }, true],
    ['both', { facets: [facet(tagFeature('SRC'))], tags: ['src', '#src'] }, true],
    ['tags[] beside bad facets', { facets: 'none', tags: ['src'] }, true],
    ['a facet beside bad tags', { facets: [facet(tagFeature('src'))], tags: 'src' }, true],
    ['a second feature', { facets: [facet({ $type: 'x' }, tagFeature('src'))] }, true],
    ['a second facet', { facets: [facet(), facet(tagFeature('src'))] }, true],
    ['a facet after null', { facets: [null, 7, [], facet(tagFeature('src'))] }, true],
    ['a feature after null', { facets: [facet(null, 'src', 7, tagFeature('src'))] }, true],
    ['a facet without an index', { facets: [{ features: [tagFeature('src')] }] }, true],
    ['tags[] with odd items', { tags: [null, 7, {}, ['x'], 'src'] }, true],
    ['a ninth of tags[]', { tags: ['o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'src'] }, true],
    [
      'a mention',
      { facets: [facet({ $type: 'app.bsky.richtext.facet#mention', tag: 'src' })] },
      false,
    ],
    ['a feature without a type', { facets: [facet({ tag: 'src' })] }, false],
    ['a tag that is a list', { facets: [facet(tagFeature(['src']))] }, false],
    ['tags that are text', { tags: 'src' }, false],
    ['tags that are an object', { tags: { 0: 'src', length: 1 } }, false],
    ['features that are no list', { facets: [{ features: tagFeature('src') }] }, false],
    ['facets that are no list', { facets: facet(tagFeature('src')) }, false],
    ['entities of old', { entities: [{ type: 'hashtag', value: 'src' }] }, false],
    ['the text alone', { text: 'look: #src' }, false],
  ]
  const posts = rows.map(([, record]) => post([], { record }))
  let members: string[] = []

  beforeAll(async () => {
    await publish(...posts)
    members = await app.walk('src')
  })

  test.each(rows.map(([name, , isKept], index) => [name, isKept, index] as const))(
    'come from %s: %s',
    (_, isKept, index) => {
      const uri = uriOf(posts[index] as CommitEvent)
      expect(members.filter((member) => member === uri)).toHaveLength(isKept ? 1 : 0)
    },
  )

  test('are each counted once, whatever their forms', async () => {
    const once = post([], {
      record: { tags: ['maxone', '#MAXONE', 'ｍａｘｏｎｅ', 'max\u200bone '] },
    })
    await publish(once, post(['maxone', 'other']))
    expect(await app.walk('maxone')).toEqual([uriOf(once)])
  })
})

describe('the canonical form of a tag', () => {
  const posts = tagGroups.map(([, , ...forms]) =>
    forms.flatMap((form) => [post([form]), post([], { record: { tags: [form] } })]),
  )
  const others = noTags.map(([, text]) => post([], { record: { tags: [text, 'maxone'] } }))
  const empties = noTags.map(([, text]) => post([], { record: { tags: [text] } }))
  let members: string[] = []

  beforeAll(async () => {
    await publish(...posts.flat(), ...others, ...empties)
    members = await app.walk('maxone')
  })

  test.each(tagGroups.map(([name], index) => [name, index] as const))(
    'is the same for all forms of %s, in posts and feeds, and for nothing else',
    async (_, index) => {
      const uris = (posts[index] ?? []).map((event) => uriOf(event))
      expect(await app.walk(`canonical${index}`)).toEqual(uris.toReversed())
    },
  )

  test.each(noTags.map(([name], index) => [name, index] as const))(
    'is none for %s, which does not count as a tag',
    (_, index) => {
      expect(members).toContain(uriOf(others[index] as CommitEvent))
    },
  )
})

describe('with FEEDGEN_INDEX_TAGS=feeds', () => {
  test('the feeds are the same as with all tags', async () => {
    const [both, named, barred, many, gone, moved] = [
      post(['indexed', 'unnamed']),
      post('#INDEXED'),
      post(['indexed', 'barred']),
      post(['indexed', 'a', 'b', 'c']),
      post('indexed'),
      post('unnamed'),
    ] as const
    const feeds = `feeds:
  - { rkey: indexed, name: Indexed, tags: { any: [indexed], none: [Barred] } }
  - { rkey: few, name: Few, tags: [indexed], maxTags: 2 }
`
    const events = [both, named, barred, many, gone, moved, remove(gone)]
    events.push(update(moved, ['unnamed', 'indexed']), update(named, ['unnamed']))
    events.push(update(named, ['indexed']))
    await using server = await openJetstreamServer()
    server.append(...events, identityEvent({ timeUs: tick() }))
    for (const tags of ['feeds', 'all']) {
      const env = { FEEDGEN_JETSTREAM_URLS: server.url, FEEDGEN_INDEX_TAGS: tags }
      await using service = await runApp({ feeds, env })
      await service.untilCommitted(nowUs)
      const expected = [moved, many, named, both].map(uriOf)
      expect(await service.walk('indexed')).toEqual(expected)
      expect(await service.walk('few')).toEqual([moved, barred, named, both].map(uriOf))
    }
  })
})
