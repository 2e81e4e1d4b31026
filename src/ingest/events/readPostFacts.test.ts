import { describe, expect, test } from 'vitest'
import { MEDIA_BIT } from '../../posts/storedCodes.ts'
import { readPostFacts } from './readPostFacts.ts'

const TAG = 'app.bsky.richtext.facet#tag'
const tagFacet = (...tags: unknown[]) => ({ features: tags.map((tag) => ({ $type: TAG, tag })) })

describe('readPostFacts', () => {
  test('joins the tags of facets and of the record, each once, canonical', () => {
    const facts = readPostFacts({
      facets: [tagFacet('Art', 'Cats'), tagFacet('#ART')],
      tags: ['cats', 'Ｄｏｇｓ'],
    })
    expect(facts?.tags).toEqual(['art', 'cats', 'dogs'])
  })

  test.each([
    ['a reply', { reply: {}, tags: ['art'] }],
    ['a reply that is no object', { reply: 'x', tags: ['art'] }],
    ['no tags at all', { text: 'hello #art' }],
    ['only tags that are none', { tags: ['', '#', ' ', 5, null, 'a'.repeat(65)] }],
    ['parts of the wrong kind', { tags: 'art', facets: { features: [] } }],
    ['a facet of another type', { facets: [{ features: [{ $type: 'x#tag', tag: 'art' }] }] }],
  ])('keeps no post with %s', (_, record) => {
    expect(readPostFacts(record)).toBeUndefined()
  })

  test('keeps a post with 200 tags, and none with more, of whichever kind', () => {
    const names = Array.from({ length: 201 }, (_, index) => `tag${index}`)
    expect(readPostFacts({ tags: [...names.slice(1), '#TAG1'] })?.tags).toHaveLength(200)
    expect(readPostFacts({ tags: names })).toBeUndefined()
    const facets = [tagFacet(...names.slice(0, 101))]
    expect(readPostFacts({ facets, tags: names.slice(101) })).toBeUndefined()
  })

  test('bounds what it takes of languages and labels, but for labels that feeds ask for', () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `label${index}`)
    const langs = Array.from({ length: 676 }, (_, index) =>
      String.fromCharCode(97 + Math.floor(index / 26), 97 + (index % 26)),
    )
    const values = [...many, 'porn'].map((val) => ({ val }))
    const facts = readPostFacts({ tags: ['art'], langs, labels: { values } })
    expect(facts?.languages).toHaveLength(100)
    expect(facts?.labels).toHaveLength(100)
    expect(facts?.labels).toContain('porn')
  })

  test('takes a null reply for none', () => {
    expect(readPostFacts({ reply: null, tags: ['art'] })?.tags).toEqual(['art'])
  })

  test('passes over bad parts beside good ones', () => {
    const facets = [null, 5, 'x', { features: 'x' }, { features: [null, 7] }, tagFacet('art', 7)]
    expect(readPostFacts({ facets, tags: [null, {}, 'cats'] })?.tags).toEqual(['art', 'cats'])
  })

  test.each([
    ['images', { $type: 'app.bsky.embed.images', images: [] }, MEDIA_BIT.image],
    ['a gallery', { $type: 'app.bsky.embed.gallery' }, MEDIA_BIT.image],
    ['a video', { $type: 'app.bsky.embed.video' }, MEDIA_BIT.video],
    ['a link', { $type: 'app.bsky.embed.external' }, MEDIA_BIT.link],
    ['a quote', { $type: 'app.bsky.embed.record' }, 0],
    [
      'a quote with a video',
      { $type: 'app.bsky.embed.recordWithMedia', media: { $type: 'app.bsky.embed.video' } },
      MEDIA_BIT.video,
    ],
    ['an unknown embed', { $type: 'example.embed' }, 0],
    ['no embed', undefined, 0],
    ['an embed that is text', 'app.bsky.embed.video', 0],
  ])('sees %s', (_, embed, media) => {
    expect(readPostFacts({ tags: ['art'], embed })?.media).toBe(media)
  })

  test.each([
    [['en'], ['en']],
    [
      ['en-US', 'EN', 'pt-BR'],
      ['en', 'pt'],
    ],
    [
      ['zh-Hant-TW', 'yue'],
      ['zh', 'yue'],
    ],
    [
      ['iw', 'heb', 'eng', 'cmn', 'zho', 'zh-yue', 'sh'],
      ['he', 'en', 'zh', 'sr'],
    ],
    [['x-private', 'not a language', '', 7, null], []],
    [['und'], []],
    [[`en-${'x'.repeat(1_000_000)}`, 'de'], ['de']],
    [undefined, []],
    ['en', []],
  ])('reads the languages %j as %j', (langs, languages) => {
    expect(readPostFacts({ tags: ['art'], langs })?.languages).toEqual(languages)
  })

  test('reads self-labels, each once, and passes over what is none', () => {
    const values = [
      { val: 'porn' },
      { val: 'porn' },
      { val: 7 },
      null,
      { val: '' },
      { val: '!warn' },
    ]
    const facts = readPostFacts({ tags: ['art'], labels: { values } })
    expect(facts?.labels).toEqual(['porn', '!warn'])
  })
})
