import { describe, expect, test } from 'vitest'
import {
  ALL_ORDERS,
  FEED_KEYS,
  fileWith,
  noTag,
  problemsOf,
  recordKey,
} from '../../test/support/feedFiles.ts'
import { parseFeedFile } from './feedFile.ts'

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
      "1:8: unknown YAML tag (a word after !), allowed: none, write plain values, and labels such as '!hide' in quotes",
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

test('all problems of a file are named at once, in the order of the file', () => {
  const text = `feeds:
  - name: 7
    tags: { none: ["#"], any: [x, 1] }
    order: newest
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
    'feeds.yaml:4:12: order: "newest" is unknown, allowed: recent, trending, following',
    'feeds.yaml:5:5: name is missing, a feed needs rkey, name, tags',
    'feeds.yaml:5:5: tags is missing, a feed needs rkey, name, tags',
    `feeds.yaml:5:11: rkey: "a b" ${recordKey}`,
    'feeds.yaml:6:14: maxTags: 0, allowed: a whole number from 1',
    `feeds.yaml:7:5: unknown key "tag" (did you mean "tags"?), allowed: ${FEED_KEYS}`,
    'feeds.yaml:8:1: unknown key "top", allowed: feeds',
  ])
})
