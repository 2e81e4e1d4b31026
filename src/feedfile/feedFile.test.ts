import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ALL_ORDERS,
  FEED_KEYS,
  POST,
  fileWith,
  fileWithout,
  parseOne,
  problemsOf,
} from '../../test/support/feedFiles.ts'
import { parseFeedFile } from './feedFile.ts'

describe('a good feeds file', () => {
  test('with the least it needs has defaults for the rest', () => {
    expect(parseOne('feeds:\n  - rkey: art\n    name: Art\n    tags: [art]\n')).toEqual({
      rkey: 'art',
      name: 'Art',
      description: '',
      avatar: undefined,
      order: 'recent',
      filter: {
        anyTags: ['art'],
        allTags: [],
        noneTags: [],
        media: [],
        languages: [],
        noneLabels: [],
        onlyAuthors: [],
        noneAuthors: [],
        maxTags: undefined,
      },
      trending: undefined,
      pinned: undefined,
      contentMode: undefined,
      acceptsInteractions: undefined,
    })
  })

  test('with every key gives every value', () => {
    const text = `
feeds:
  - rkey: art
    name: Art
    description: Art of every kind
    avatar: avatars/art.png
    tags: { any: [art, artwork], all: [Sky], none: [aiart] }
    order: trending
    media: [image, video]
    languages: [en, ja]
    labels: { none: [porn, sexual] }
    authors: { only: [did:plc:a], none: ['did:web:b.test'] }
    maxTags: 15
    pinned: ${POST}
    trending:
      weights: { likes: 5 }
      gravity: 2
      minAgeHours: 1
      featured: [did:plc:a, '${POST}']
      featuredBoost: 3
      authorDecay: 0.25
      windowHours: 24
      maxPosts: 500
      refreshSeconds: 1
    contentMode: video
    acceptsInteractions: true
`
    expect(parseOne(text, ALL_ORDERS)).toEqual({
      rkey: 'art',
      name: 'Art',
      description: 'Art of every kind',
      avatar: 'avatars/art.png',
      order: 'trending',
      filter: {
        anyTags: ['art', 'artwork'],
        allTags: ['sky'],
        noneTags: ['aiart'],
        media: ['image', 'video'],
        languages: ['en', 'ja'],
        noneLabels: ['porn', 'sexual'],
        onlyAuthors: ['did:plc:a'],
        noneAuthors: ['did:web:b.test'],
        maxTags: 15,
      },
      trending: {
        weights: { likes: 5, replies: 2, reposts: 2, quotes: 3, views: 0.1 },
        gravity: 2,
        minAgeHours: 1,
        featured: ['did:plc:a', POST],
        featuredBoost: 3,
        authorDecay: 0.25,
        windowHours: 24,
        maxPosts: 500,
        refreshSeconds: 1,
      },
      pinned: POST,
      contentMode: 'video',
      acceptsInteractions: true,
    })
  })

  test('gives its feeds in its order', () => {
    const feeds = ['b', 'a', 'c'].map((rkey) => `{rkey: ${rkey}, name: N, tags: [t]}`)
    const definitions = parseFeedFile(`feeds: [${feeds.join(', ')}]`, 'feeds.yaml')
    expect(definitions.map(({ rkey }) => rkey)).toEqual(['b', 'a', 'c'])
  })

  test('may be JSON, and may begin with a byte order mark', () => {
    const feed = { rkey: 'art', name: 'Art', tags: { all: ['art'] }, acceptsInteractions: false }
    const { filter, acceptsInteractions } = parseOne(`\uFEFF${JSON.stringify({ feeds: [feed] })}`)
    expect(filter.allTags).toEqual(['art'])
    expect(acceptsInteractions).toBe(false)
  })

  test.each([
    ['tags in canonical form', 'tags: [Art, "#ART", ＃art, ＡＲＴ]', ['art']],
    ['distinct tags in their order', 'tags: [b, a, B]', ['b', 'a']],
    [
      'quoted numbers and words',
      'tags: ["2024", "true", "on", "null"]',
      '2024 true on null'.split(' '),
    ],
    [
      'names of prototype properties',
      'tags: [constructor, __proto__]',
      ['constructor', '__proto__'],
    ],
    ['a tag of any that is in none, beside another', 'tags: {any: [a, b], none: [b]}', ['a', 'b']],
    ['an empty none and all', 'tags: {any: [a], all: [], none: []}', ['a']],
  ])('may have %s', (_, line, anyTags) => {
    expect(parseOne(fileWithout('tags', line)).filter.anyTags).toEqual(anyTags)
  })

  test('names languages by primary subtag, whatever their case and region', () => {
    const line = 'languages: [en-US, EN, zh-Hant-TW, und, no, zh-yue, "ja"]'
    expect(parseOne(fileWith(line)).filter.languages).toEqual(['en', 'zh', 'und', 'no', 'ja'])
  })

  test('names a language by its one canonical code', () => {
    const line = 'languages: [iw, heb, eng, cmn, zho, jpn, aaa, tlh]'
    const { languages } = parseOne(fileWith(line)).filter
    expect(languages).toEqual(['he', 'en', 'zh', 'ja', 'aaa', 'tlh'])
  })

  test('has an avatar that is looked at, when it is told how', () => {
    const text = fileWith('avatar: a.png')
    expect(parseOne(text, { findAvatarFault: () => undefined }).avatar).toBe('a.png')
    expect(problemsOf(text, { findAvatarFault: (path) => `is not ${path}` })).toEqual([
      'feeds.yaml:5:13: avatar: "a.png": is not a.png; allowed: a PNG or JPEG of at most 1,000,000 bytes, its path relative to this file',
    ])
  })

  test('may repeat itself in every list', () => {
    const { filter } = parseOne(
      fileWith(`media: [image, image]
    labels: {none: [porn, porn]}
    authors: {only: [did:plc:a, did:plc:a], none: [did:plc:b, did:plc:b]}`),
    )
    expect(filter).toMatchObject({
      media: ['image'],
      noneLabels: ['porn'],
      onlyAuthors: ['did:plc:a'],
      noneAuthors: ['did:plc:b'],
    })
  })

  test('may have empty lists and maps, which are no conditions', () => {
    const { filter } = parseOne(
      fileWith(`media: []
    languages: []
    labels: {}
    authors: {only: [], none: []}`),
    )
    expect(filter).toEqual(parseOne(fileWith('')).filter)
  })

  test('may use anchors and aliases', () => {
    const text = `feeds:
  - {rkey: a, name: A, tags: &tags [x, y]}
  - {rkey: b, name: B, tags: {any: *tags, none: [z]}}
`
    const lists = parseFeedFile(text, 'feeds.yaml').map(({ filter }) => filter.anyTags)
    expect(lists).toEqual([
      ['x', 'y'],
      ['x', 'y'],
    ])
  })

  test.each(['__proto__', 'constructor', 'toString', '3kabc', 'a.b:c_d~e-F', 'x'.repeat(512)])(
    'may have the rkey %s',
    (rkey) => {
      expect(parseOne(fileWithout('rkey', `rkey: ${rkey}`)).rkey).toBe(rkey)
    },
  )

  test.each(['a.png', 'A.PNG', 'x/y.jpg', '../z.jpeg', '/srv/a b.png'])(
    'may have the avatar %s',
    (avatar) => {
      expect(parseOne(fileWith(`avatar: ${avatar}`)).avatar).toBe(avatar)
    },
  )

  test('may have 24 characters of any kind in a name and 300 in a description', () => {
    const name = '🇯🇵'.repeat(24)
    expect(parseOne(fileWithout('name', `name: ${name}`)).name).toBe(name)
    const description = 'é'.repeat(300)
    expect(parseOne(fileWith(`description: ${description}`)).description).toBe(description)
  })

  test('ranks by defaults when the order is trending without a block', () => {
    expect(parseOne(fileWith('order: trending'), ALL_ORDERS).trending).toEqual({
      weights: { likes: 1, replies: 2, reposts: 2, quotes: 3, views: 0.1 },
      gravity: 1.5,
      minAgeHours: 0.1,
      featured: [],
      featuredBoost: 1.5,
      authorDecay: 0.5,
      windowHours: 72,
      maxPosts: 1_000,
      refreshSeconds: 60,
    })
  })

  test('has no ranking when the order is following', () => {
    const definition = parseOne(fileWith('order: following'), ALL_ORDERS)
    expect(definition).toMatchObject({ order: 'following', trending: undefined })
  })

  test('may define 1000 feeds', () => {
    const feeds = Array.from(
      { length: 1_000 },
      (_, index) => `- {rkey: r${index}, name: N, tags: [t]}`,
    )
    expect(parseFeedFile(`feeds:\n${feeds.join('\n')}`, 'feeds.yaml')).toHaveLength(1_000)
  })
})

describe('any text at all', () => {
  const keys = 'feeds rkey name tags any all none media order trending labels'.split(' ')
  const values = 'art 2024 yes null ~ @ % __proto__ constructor 日本 \0 \uFEFF \uD800 \u2028'.split(
    ' ',
  )
  const signs = ': |:|- |[|]|{|}|, |&a |*a|"|\'|!|<<|#| # |? |> |\t|\r|\r\n|\n|---\n|...\n'.split(
    '|',
  )
  const words = [...keys, ...values, ...signs, '| ', '\n  ', '\n    ', '\n  - ']
  const feed = fc.record(
    Object.fromEntries(
      [...FEED_KEYS.split(', '), '__proto__', 'zzz'].map((key) => [
        key,
        fc.oneof(fc.jsonValue(), fc.array(fc.string({ maxLength: 5 })), fc.constantFrom(...words)),
      ]),
    ),
    { requiredKeys: [] },
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join('')),
    fc.array(fc.constantFrom(...words)).map((parts) => fileWith(parts.join(''))),
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.array(feed, { maxLength: 3 }).map((feeds) => JSON.stringify({ feeds })),
  )

  test('is either feeds or a list of problems, one line each', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const problems = problemsOf(text, ALL_ORDERS)
        expect(
          problems.filter((each) => !/^feeds\.yaml:[1-9]\d*:[1-9]\d*: .+$/u.test(each)),
        ).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })
})
