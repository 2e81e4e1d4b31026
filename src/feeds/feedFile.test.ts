import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { MEDIA, ORDERS } from './feedDefinition.ts'
import type { FeedDefinition } from './feedDefinition.ts'
import { parseFeedFile } from './feedFile.ts'
import type { FeedFileOptions } from './feedFile.ts'
import { DEFAULT_TRENDING } from './feedFileTrending.ts'

const ALL_ORDERS: FeedFileOptions = { orders: ORDERS }
const FEED_KEYS =
  'rkey, name, description, avatar, order, tags, media, languages, labels, authors, maxTags, ' +
  'pinned, trending, contentMode, acceptsInteractions'
const POST = 'at://did:plc:abc/app.bsky.feed.post/3kabc'

function problemsOf(text: string, options?: FeedFileOptions): readonly string[] {
  try {
    parseFeedFile(text, 'feeds.yaml', options)
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems
    }
    throw error
  }
  return []
}

/** A file with one good feed; more of it is written from line 5 on, column 5. */
function fileWith(more: string): string {
  return `feeds:\n  - rkey: art\n    name: Art\n    tags: [art]\n    ${more}\n`
}

/** A file with one feed that lacks the key to be tested; it is written on line 3, column 5. */
function fileWithout(key: 'rkey' | 'name' | 'tags', line: string): string {
  const rest = { rkey: 'rkey: art', name: 'name: Art', tags: 'tags: [art]' }
  const lines = Object.entries(rest).filter(([each]) => each !== key)
  return `feeds:\n  - ${lines[0]?.[1]}\n    ${line}\n    ${lines[1]?.[1]}\n`
}

function parseOne(text: string, options?: FeedFileOptions): FeedDefinition {
  const [definition, ...others] = parseFeedFile(text, 'feeds.yaml', options)
  expect(others).toEqual([])
  if (definition === undefined) {
    throw new Error('no feed')
  }
  return definition
}

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

describe('a file that is no feeds file', () => {
  test.each([
    ['is empty', '', '1:1: the file is empty, allowed: feeds: with a list of feeds'],
    [
      'holds only comments',
      '# hi\n',
      '1:1: the file is empty, allowed: feeds: with a list of feeds',
    ],
    ['is a list', '\n- a', '2:1: the file: a list, allowed: a map of feeds'],
    ['is a text', 'hi', '1:1: the file: the text "hi", allowed: a map of feeds'],
    [
      'is empty braces',
      '{}',
      '1:1: the key feeds is missing, allowed: feeds: with a list of feeds',
    ],
    ['has nothing under feeds', 'feeds:\n', '1:1: feeds: nothing, allowed: a list of feeds'],
    ['has a map under feeds', 'feeds: {}', '1:8: feeds: a map, allowed: a list of feeds'],
    ['has no feed', 'feeds: []', '1:8: feeds: no feed, allowed: 1 to 1000 feeds'],
    [
      'has a feed that is a text',
      'feeds: [a]',
      `1:9: feed: the text "a", allowed: a map of ${FEED_KEYS}`,
    ],
    [
      'has a feed that is a number',
      'feeds: [1]',
      `1:9: feed: a number, allowed: a map of ${FEED_KEYS}`,
    ],
    ['has an empty feed', 'feeds:\n  -\n', `2:4: feed: nothing, allowed: a map of ${FEED_KEYS}`],
    [
      'has two documents',
      'feeds: []\n---\nfeeds: []\n',
      '2:1: a second document begins here, allowed: one document, without --- between',
    ],
    [
      'has a YAML tag',
      'feeds: !!set {}',
      '1:8: unknown YAML tag (a word after !), allowed: none, write plain values',
    ],
    [
      'asks for another YAML',
      '%YAML 1.1\n---\nfeeds: []',
      '1:1: the %YAML directive names another version, allowed: 1.2',
    ],
    [
      'uses an unknown alias',
      'feeds: *x',
      '1:8: alias "x" has no anchor, allowed: an anchor above it',
    ],
    [
      'uses an alias before its anchor',
      'a: *x\nb: &x 1',
      '1:4: alias "x" has no anchor, allowed: an anchor above it',
    ],
    [
      'is indented by tabs',
      'feeds:\n\t- rkey: a',
      '2:1: not valid YAML: Tabs are not allowed as indentation, allowed: YAML 1.2',
    ],
    [
      'leaves a list open',
      'feeds: [\n',
      '2:1: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ], allowed: YAML 1.2',
    ],
    [
      'is larger than 1 MiB',
      '#'.repeat(1_048_577),
      '1:1: the file is too large, allowed: 1048576 bytes',
    ],
  ])('and %s is refused', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([`feeds.yaml:${problem}`])
  })

  test.each([`${'- '.repeat(20_000)}x`, '['.repeat(20_000), `feeds: ${'{a: '.repeat(20_000)}`])(
    'and is nested too deep is refused with one problem',
    (text) => {
      const problem = 'lists and maps are nested too deep, allowed: the nesting of a feed'
      expect(problemsOf(text)).toEqual([expect.stringMatching(`^feeds\\.yaml:1:\\d+: ${problem}$`)])
    },
  )

  test('has its problems under the name it was given', () => {
    expect(() => parseFeedFile('', '/etc/my feeds.yml')).toThrow('/etc/my feeds.yml:1:1: the file')
  })

  test('with many feeds is refused at the first that is too many', () => {
    const feeds = Array.from(
      { length: 1_002 },
      (_, index) => `- {rkey: r${index}, name: N, tags: [t]}`,
    )
    const problem = 'feeds.yaml:1002:3: feeds: 1002 feeds, allowed: 1 to 1000 feeds'
    expect(problemsOf(`feeds:\n${feeds.join('\n')}`)).toEqual([problem])
  })

  test('cannot stand for more text than it may hold by aliases', () => {
    const feed = 'feeds:\n- rkey: a\n  name: N\n  tags: &t [t]\n  labels:\n    none:\n'
    const anchor = `    - &a ${'x'.repeat(10_000)}\n`
    const problem = 'aliases repeat too much text, allowed: 1048576 characters'
    expect(problemsOf(`${feed}${anchor}${'    - *a\n'.repeat(1_000)}`)).toEqual([
      `feeds.yaml:112:7: ${problem}`,
    ])
  })

  test('survives aliases that contain themselves', () => {
    expect(problemsOf('feeds: &f [*f]')).toEqual([
      `feeds.yaml:1:12: feed: a list, allowed: a map of ${FEED_KEYS}`,
    ])
  })

  test('with slips on many lines shows the first 20', () => {
    expect(problemsOf('feeds: [@a]\n'.repeat(100))).toHaveLength(20)
  })
})

describe('the keys of a feeds file', () => {
  test.each([
    ['feed: []', `1:1: unknown key "feed" (did you mean "feeds"?), allowed: feeds`],
    ['Feeds: []', `1:1: unknown key "Feeds" (did you mean "feeds"?), allowed: feeds`],
    ['zzz: []', '1:1: unknown key "zzz", allowed: feeds'],
    ['<<: {}', '1:1: unknown key "<<", allowed: feeds'],
    ['1: 2', '1:1: unknown key "1", allowed: feeds'],
    ['[a]: 2', '1:1: unknown key "a list", allowed: feeds'],
    [': 2', '1:1: unknown key "", allowed: feeds'],
    ['__proto__: {feeds: []}', '1:1: unknown key "__proto__", allowed: feeds'],
  ])('do not include %s', (text, problem) => {
    expect(problemsOf(text)).toContain(`feeds.yaml:${problem}`)
  })

  test.each([
    ['nmae', 'name'],
    ['Name', 'name'],
    ['tag', 'tags'],
    ['hashtags', undefined],
    ['maxtags', 'maxTags'],
    ['max_tags', 'maxTags'],
    ['language', 'languages'],
    ['acceptInteractions', 'acceptsInteractions'],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['hasOwnProperty', undefined],
    ['x'.repeat(1_000), undefined],
  ])('of a feed do not include %s; the nearest is %s', (key, nearest) => {
    const shown = key.length > 40 ? `${key.slice(0, 40)}…` : key
    const question = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
    expect(problemsOf(fileWith(`${key}: 1`))).toEqual([
      `feeds.yaml:5:5: unknown key "${shown}"${question}, allowed: ${FEED_KEYS}`,
    ])
  })

  test.each([
    ['labels: {all: []}', '5:14: unknown key "all", allowed: none'],
    ['authors: {not: []}', '5:15: unknown key "not", allowed: only, none'],
    ['trending: {gravty: 1}', '5:16: unknown key "gravty" (did you mean "gravity"?), allowed: '],
    [
      'trending: {weights: {like: 1}}',
      '5:26: unknown key "like" (did you mean "likes"?), allowed: ',
    ],
  ])('of maps in a feed are known: %s', (line, problem) => {
    const problems = problemsOf(fileWith(`order: trending\n    ${line}`), ALL_ORDERS)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(`feeds.yaml:${problem.replace('5:', '6:')}`)
  })

  test('stand once', () => {
    expect(problemsOf(fileWith('name: Again\n    tags: [again]'))).toEqual([
      'feeds.yaml:5:5: key "name" stands here again, first on line 3, allowed: once',
      'feeds.yaml:6:5: key "tags" stands here again, first on line 4, allowed: once',
    ])
    expect(problemsOf('feeds: []\nfeeds: []')).toContain(
      'feeds.yaml:2:1: key "feeds" stands here again, first on line 1, allowed: once',
    )
  })

  test('that a feed needs are asked for where it begins', () => {
    expect(problemsOf('feeds:\n  - description: x\n')).toEqual([
      'feeds.yaml:2:5: rkey is missing, a feed needs rkey, name, tags',
      'feeds.yaml:2:5: name is missing, a feed needs rkey, name, tags',
      'feeds.yaml:2:5: tags is missing, a feed needs rkey, name, tags',
    ])
  })
})

const noTag = 'nothing is left without # and blanks, allowed: 1 to 64 characters'
const someTag = 'tags: no tag is named, allowed: at least one tag in any or all'
const tagList = 'a list of tags, such as [art, artwork]'
const recordKey = 'is no record key, allowed: 1 to 512 of A-Z a-z 0-9 . _ : ~ - (not . or ..)'

describe('a feed is refused', () => {
  test.each([
    ['rkey', 'rkey: a b', `11: rkey: "a b" ${recordKey}`],
    ['rkey', 'rkey: ..', `11: rkey: ".." ${recordKey}`],
    ['rkey', 'rkey: ""', `11: rkey: "" ${recordKey}`],
    ['rkey', 'rkey: 12', `11: rkey: 12 is a number, allowed: text, quote it: '12'`],
    ['rkey', 'rkey:', '5: rkey: nothing, allowed: text'],
    ['name', 'name: yes', `11: name: yes may mean a boolean, allowed: text, quote it: 'yes'`],
    ['name', 'name: Off', `11: name: Off may mean a boolean, allowed: text, quote it: 'Off'`],
    ['name', 'name: true', `11: name: true is a boolean, allowed: text, quote it: 'true'`],
    ['name', 'name: 1.50', `11: name: 1.50 is a number, allowed: text, quote it: '1.50'`],
    ['name', 'name: null', `11: name: null is nothing, allowed: text, quote it: 'null'`],
    ['name', 'name: ""', '11: name: empty, allowed: 1 to 24 characters'],
    ['name', 'name: " "', '11: name: empty, allowed: 1 to 24 characters'],
    ['name', 'name: [a]', '11: name: a list, allowed: text'],
    ['name', 'name: {a: b}', '11: name: a map, allowed: text'],
    ['name', `name: ${'x'.repeat(25)}`, '11: name: 25 characters, allowed: 24'],
    ['name', `name: ${'👨‍👩‍👧'.repeat(14)}`, '11: name: 252 bytes, allowed: 240'],
    [
      'name',
      'name: "\\ud800"',
      '11: name: NUL or half a surrogate pair, allowed: well-formed text',
    ],
    ['tags', 'tags: []', `11: ${someTag}`],
    ['tags', 'tags: {}', `11: ${someTag}`],
    ['tags', 'tags: {none: [a]}', `11: ${someTag}`],
    ['tags', 'tags: {any: [], all: []}', `11: ${someTag}`],
    ['tags', 'tags:', '5: tags: nothing, allowed: a list of tags, or a map of any, all, none'],
    [
      'tags',
      'tags: art',
      '11: tags: the text "art", allowed: a list of tags, or a map of any, all, none',
    ],
    ['tags', 'tags: {any: art}', `17: tags.any: the text "art", allowed: ${tagList}`],
    ['tags', 'tags: {any: [a], all: }', `22: tags.all: nothing, allowed: ${tagList}`],
    ['tags', 'tags: {only: [a], any: [b]}', '12: unknown key "only", allowed: any, all, none'],
    ['tags', 'tags: [2024]', `12: tags: 2024 is a number, allowed: text, quote it: '2024'`],
    ['tags', 'tags: [a, on]', `15: tags: on may mean a boolean, allowed: text, quote it: 'on'`],
    ['tags', 'tags: {all: [[a]]}', '18: tags.all: a list, allowed: text'],
    ['tags', 'tags: ["#"]', `12: tags: "#" is no tag: ${noTag}`],
    ['tags', 'tags: [a, "\\uFE0F"]', `15: tags: "\uFE0F" is no tag: ${noTag}`],
    [
      'tags',
      `tags: [${'x'.repeat(65)}]`,
      `12: tags: "${'x'.repeat(40)}…" is no tag: too long, allowed: 64 characters`,
    ],
    [
      'tags',
      'tags: ["a\\0"]',
      '12: tags: "a\\u0000" is no tag: NUL inside, allowed: any other character',
    ],
    [
      'tags',
      'tags: ["\\udc00"]',
      '12: tags: "\\udc00" is no tag: half a surrogate pair, allowed: well-formed text',
    ],
    [
      'tags',
      'tags: {all: [a, b], none: [c, "#B"]}',
      '35: tags.none: "b" stands in tags.all too, allowed: in one of them',
    ],
    [
      'tags',
      'tags: {any: [a, b], none: [B, A, c]}',
      '17: tags.any: every tag stands in tags.none too, allowed: at least one that does not',
    ],
  ] as const)('without a good %s: %s', (key, line, problem) => {
    expect(problemsOf(fileWithout(key, line))).toEqual([`feeds.yaml:3:${problem}`])
  })

  test.each([
    ['description:', '5: description: nothing, allowed: text'],
    [`description: ${'x'.repeat(301)}`, '18: description: 301 characters, allowed: 300'],
    [`description: ${'👨‍👩‍👧'.repeat(167)}`, '18: description: 3006 bytes, allowed: 3000'],
    [
      'avatar: art.gif',
      '13: avatar: "art.gif" is no picture, allowed: the path of a .png, .jpg or .jpeg file',
    ],
    [
      'avatar: .png',
      '13: avatar: ".png" is no picture, allowed: the path of a .png, .jpg or .jpeg file',
    ],
    [
      'avatar: https://a.test/b.png',
      '13: avatar: "https://a.test/b.png" is a URL, allowed: the path of a .png, .jpg or .jpeg file',
    ],
    ['order: hot', '12: order: "hot" is unknown, allowed: recent, trending'],
    [
      'order: following',
      '12: order following is not available in this version; allowed: recent, trending',
    ],
    ['trending: {}', '15: trending: the order is recent, allowed: only with order: trending'],
    ['media: image', '12: media: the text "image", allowed: a list of image, video, link, none'],
    ['media: [gif]', '13: media: "gif" is unknown, allowed: image, video, link, none'],
    ['languages: en', '16: languages: the text "en", allowed: a list of language codes'],
    [
      'languages: [english]',
      '17: languages: "english" is no language code, allowed: 2 or 3 letters such as en or ja, with a region such as en-US, or und',
    ],
    [
      'languages: [en_US]',
      '17: languages: "en_US" is no language code, allowed: 2 or 3 letters such as en or ja, with a region such as en-US, or und',
    ],
    [
      'languages: [x-me]',
      '17: languages: "x-me" is no language code, allowed: 2 or 3 letters such as en or ja, with a region such as en-US, or und',
    ],
    [
      'languages: [""]',
      '17: languages: "" is no language code, allowed: 2 or 3 letters such as en or ja, with a region such as en-US, or und',
    ],
    ['languages: [true]', `17: languages: true is a boolean, allowed: text, quote it: 'true'`],
    ['labels: [porn]', '13: labels: a list, allowed: a map of none'],
    [
      'labels: {none: porn}',
      '20: labels.none: the text "porn", allowed: a list of labels, such as [porn, sexual]',
    ],
    ['labels: {none: [""]}', '21: labels.none: a label of 0 bytes, allowed: 1 to 128 bytes'],
    [
      `labels: {none: [${'é'.repeat(65)}]}`,
      '21: labels.none: a label of 130 bytes, allowed: 1 to 128 bytes',
    ],
    ['authors: [did:plc:a]', '14: authors: a list, allowed: a map of only, none'],
    [
      'authors: {only: did:plc:a}',
      '21: authors.only: the text "did:plc:a", allowed: a list of DIDs',
    ],
    [
      'authors: {only: [bob.test]}',
      '22: authors.only: "bob.test" is a handle, which can change; use the DID, allowed: did:plc:… or did:web:…',
    ],
    [
      'authors: {only: ["@bob.test"]}',
      '22: authors.only: "@bob.test" is a handle, which can change; use the DID, allowed: did:plc:… or did:web:…',
    ],
    [
      'authors: {none: [did:key:z]}',
      '22: authors.none: "did:key:z" is no DID of an account, allowed: did:plc:… or did:web:…',
    ],
    [
      'authors: {none: ["did:web:a.test#x"]}',
      '22: authors.none: "did:web:a.test#x" is no DID of an account, allowed: did:plc:… or did:web:…',
    ],
    [
      'authors: {none: [bob]}',
      '22: authors.none: "bob" is no DID of an account, allowed: did:plc:… or did:web:…',
    ],
    [
      'authors: {only: [did:plc:a], none: [did:plc:a]}',
      '41: authors.none: "did:plc:a" stands in authors.only too, allowed: in one of them',
    ],
    ['maxTags: 0', '14: maxTags: 0, allowed: a whole number from 1'],
    ['maxTags: 1.5', '14: maxTags: 1.5, allowed: a whole number from 1'],
    ['maxTags: .inf', '14: maxTags: .inf, allowed: a whole number from 1'],
    ['maxTags: "5"', '14: maxTags: the text "5", allowed: a whole number from 1, without quotes'],
    ['maxTags:', '5: maxTags: nothing, allowed: a whole number from 1'],
    [
      'pinned: at://bob.test/app.bsky.feed.post/a',
      '13: pinned: "at://bob.test/app.bsky.feed.post/a" names its author by handle; use the DID, allowed: at://DID/app.bsky.feed.post/RKEY',
    ],
    [
      'pinned: at://did:plc:a/app.bsky.feed.like/a',
      '13: pinned: "at://did:plc:a/app.bsky.feed.like/a" is no at-uri of a post, allowed: at://DID/app.bsky.feed.post/RKEY',
    ],
    [
      'pinned: at://did:plc:a/app.bsky.feed.post/..',
      '13: pinned: "at://did:plc:a/app.bsky.feed.post/.." is no at-uri of a post, allowed: at://DID/app.bsky.feed.post/RKEY',
    ],
    [
      'pinned: https://bsky.app/profile/a/post/b',
      '13: pinned: "https://bsky.app/profile/a/post/b" is no at-uri of a post, allowed: at://DID/app.bsky.feed.post/RKEY',
    ],
    ['contentMode: image', '18: contentMode: "image" is unknown, allowed: video'],
    [
      'acceptsInteractions: yes',
      '26: acceptsInteractions: the text "yes", allowed: true or false, without quotes',
    ],
    [
      'acceptsInteractions: "true"',
      '26: acceptsInteractions: the text "true", allowed: true or false, without quotes',
    ],
    [
      'acceptsInteractions: 1',
      '26: acceptsInteractions: a number, allowed: true or false, without quotes',
    ],
  ])('with %s', (line, problem) => {
    expect(problemsOf(fileWith(line))).toEqual([`feeds.yaml:5:${problem}`])
  })

  test('with more tags in all than maxTags lets through', () => {
    const text = fileWithout('tags', 'tags: {all: [a, b, B]}\n    maxTags: 1')
    expect(problemsOf(text)).toEqual([
      'feeds.yaml:4:14: maxTags: 1, but tags.all names 2 tags, allowed: at least as many',
    ])
  })

  test.each([
    ['gravity: -1', '16: trending.gravity: -1, allowed: a number from 0 to 10'],
    ['gravity: .nan', '16: trending.gravity: .nan, allowed: a number from 0 to 10'],
    [
      'gravity: "1"',
      '16: trending.gravity: the text "1", allowed: a number from 0 to 10, without quotes',
    ],
    ['minAgeHours: 0', '20: trending.minAgeHours: 0, allowed: a number from 0.001 to 876000'],
    ['windowHours: 0', '20: trending.windowHours: 0, allowed: a number from 0.001 to 876000'],
    [
      'featuredBoost: .inf',
      '22: trending.featuredBoost: .inf, allowed: a number from 0 to 1000000',
    ],
    ['authorDecay: 1.1', '20: trending.authorDecay: 1.1, allowed: a number from 0 to 1'],
    ['maxPosts: 0', '17: trending.maxPosts: 0, allowed: a whole number from 1 to 10000'],
    ['maxPosts: 10001', '17: trending.maxPosts: 10001, allowed: a whole number from 1 to 10000'],
    ['maxPosts: 1.5', '17: trending.maxPosts: 1.5, allowed: a whole number from 1 to 10000'],
    ['refreshSeconds: 0.5', '23: trending.refreshSeconds: 0.5, allowed: a number from 1 to 86400'],
    [
      'weights: {likes: -0.1}',
      '24: trending.weights.likes: -0.1, allowed: a number from 0 to 1000000',
    ],
    [
      'weights: [1]',
      '16: trending.weights: a list, allowed: a map of likes, replies, reposts, quotes, views',
    ],
    [
      'featured: did:plc:a',
      '17: trending.featured: the text "did:plc:a", allowed: a list of at-uris of posts and DIDs of authors',
    ],
    [
      'featured: [bob.test]',
      '18: trending.featured: "bob.test" is a handle, which can change; use the DID, allowed: did:plc:… or did:web:…, or at://DID/app.bsky.feed.post/RKEY',
    ],
    [
      'featured: [at://did:plc:a/b/c]',
      '18: trending.featured: "at://did:plc:a/b/c" is no at-uri of a post, allowed: at://DID/app.bsky.feed.post/RKEY',
    ],
  ])('with trending and %s', (line, problem) => {
    const text = fileWith(`order: trending\n    trending:\n      ${line}`)
    expect(problemsOf(text, ALL_ORDERS)).toEqual([`feeds.yaml:7:${problem}`])
  })

  test('with the rkey of another feed', () => {
    const feed = (rkey: string) => `  - rkey: ${rkey}\n    name: N\n    tags: [t]\n`
    const rkeys = ['constructor', 'a', 'constructor', 'A', 'a']
    expect(problemsOf(`feeds:\n${rkeys.map((rkey) => feed(rkey)).join('')}`)).toEqual([
      'feeds.yaml:8:11: rkey: "constructor" is the rkey of the feed on line 2 too, allowed: one feed for each rkey',
      'feeds.yaml:14:11: rkey: "a" is the rkey of the feed on line 5 too, allowed: one feed for each rkey',
    ])
  })

  test('as an alias of another one, at the alias', () => {
    expect(problemsOf('feeds:\n  - &a {rkey: a, name: N, tags: [t]}\n  - *a\n')).toEqual([
      'feeds.yaml:3:5: rkey: "a" is the rkey of the feed on line 2 too, allowed: one feed for each rkey',
    ])
  })
})

test('all problems of a file are named at once, in the order of the file', () => {
  const text = `feeds:
  - name: 7
    tags: { none: ["#"], any: [x, 1] }
    order: following
  - rkey: a b
    maxTags: 0
    tag: [x]
top: 1
`
  expect(problemsOf(text)).toEqual([
    'feeds.yaml:2:5: rkey is missing, a feed needs rkey, name, tags',
    `feeds.yaml:2:11: name: 7 is a number, allowed: text, quote it: '7'`,
    `feeds.yaml:3:20: tags.none: "#" is no tag: ${noTag}`,
    `feeds.yaml:3:35: tags.any: 1 is a number, allowed: text, quote it: '1'`,
    'feeds.yaml:4:12: order following is not available in this version; allowed: recent, trending',
    'feeds.yaml:5:5: name is missing, a feed needs rkey, name, tags',
    'feeds.yaml:5:5: tags is missing, a feed needs rkey, name, tags',
    `feeds.yaml:5:11: rkey: "a b" ${recordKey}`,
    'feeds.yaml:6:14: maxTags: 0, allowed: a whole number from 1',
    `feeds.yaml:7:5: unknown key "tag" (did you mean "tags"?), allowed: ${FEED_KEYS}`,
    'feeds.yaml:8:1: unknown key "top", allowed: feeds',
  ])
})

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly definitions?: Readonly<Record<string, Schema>>
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly enum?: readonly string[]
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  readonly description?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
}

function readRootFile(name: string): string {
  return readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
}

describe('the files that are shipped', () => {
  const schema = JSON.parse(readRootFile('feeds.schema.json')) as Schema
  const feed = schema.definitions?.['feed']
  const trending = feed?.properties?.['trending']

  /** The keys that the parser names when it meets a key that it does not know. */
  function keysAllowedIn(text: string): readonly string[] {
    const problem = problemsOf(text, ALL_ORDERS).find((each) => each.includes('key "zzzz"'))
    return problem?.split('allowed: ')[1]?.split(', ') ?? []
  }

  test('include feeds that work as they are', () => {
    const text = readRootFile('feeds.yaml')
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./feeds.schema.json')
    const definitions = parseFeedFile(text, 'feeds.yaml')
    expect(definitions.length).toBeGreaterThanOrEqual(6)
    expect(new Set(definitions.map(({ order }) => order))).toEqual(new Set(['recent', 'trending']))
    expect(definitions.find(({ rkey }) => rkey === 'art')?.filter).toMatchObject({
      anyTags: expect.arrayContaining(['art', 'artwork', 'digitalart']),
      noneTags: expect.arrayContaining(['aiart']),
      noneLabels: expect.arrayContaining(['porn', 'sexual']),
    })
  })

  test.each([
    ['the file', 'zzzz: 1', schema],
    ['a feed', fileWith('zzzz: 1'), feed],
    ['tags', fileWithout('tags', 'tags: {zzzz: 1}'), feed?.properties?.['tags']?.anyOf?.[1]],
    ['labels', fileWith('labels: {zzzz: 1}'), feed?.properties?.['labels']],
    ['authors', fileWith('authors: {zzzz: 1}'), feed?.properties?.['authors']],
    ['trending', fileWith('trending: {zzzz: 1}'), trending],
    ['weights', fileWith('trending: {weights: {zzzz: 1}}'), trending?.properties?.['weights']],
  ])('include a schema with exactly the keys of %s', (_, text, part) => {
    expect(Object.keys(part?.properties ?? {}).sort()).toEqual([...keysAllowedIn(text)].sort())
    expect(part?.additionalProperties).toBe(false)
  })

  test('include a schema that describes every key', () => {
    const undescribed = [schema, ...Object.values(schema.definitions ?? {})].flatMap((part) =>
      Object.entries(part.properties ?? {}).filter(
        ([, { description }]) => description === undefined,
      ),
    )
    expect(undescribed).toEqual([])
  })

  test('include a schema with the same words and required keys', () => {
    expect(feed?.required).toEqual(['rkey', 'name', 'tags'])
    expect(feed?.properties?.['order']?.enum).toEqual(ORDERS)
    expect(feed?.properties?.['media']?.items?.enum).toEqual(MEDIA)
  })

  test('include a schema with the defaults and limits of the parser for trending', () => {
    const weights = trending?.properties?.['weights']?.properties ?? {}
    const knobs = Object.entries(trending?.properties ?? {}).filter(([key]) => key !== 'weights')
    expect(Object.fromEntries(knobs.map(([key, part]) => [key, part.default]))).toEqual({
      ...DEFAULT_TRENDING,
      weights: undefined,
    })
    expect(
      Object.fromEntries(Object.entries(weights).map(([key, part]) => [key, part.default])),
    ).toEqual(DEFAULT_TRENDING.weights)
    for (const [key, { minimum = 0, maximum = 0 }] of knobs.filter(([key]) => key !== 'featured')) {
      const problemsWith = (value: number) =>
        problemsOf(fileWith(`order: trending\n    trending: {${key}: ${value}}`), ALL_ORDERS)
      expect([...problemsWith(minimum), ...problemsWith(maximum)]).toEqual([])
      expect(problemsWith(minimum - 0.0001)).toHaveLength(1)
      expect(problemsWith(maximum + 1)).toHaveLength(1)
    }
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
