import { describe, expect, test } from 'vitest'
import { fileWith, fileWithout, parseOne, problemsOf } from '../../test/support/feedFiles.ts'

/** Where in the file, and with which words, a `#` is refused. */
const placesOf = (text: string): string[] =>
  problemsOf(text).map(
    (problem) => /^feeds\.yaml:(\d+:\d+: \S+ #\S+) begins a comment/u.exec(problem)?.[1] ?? problem,
  )

const tags = (line: string): string => fileWithout('tags', line)
const name = (line: string): string => fileWithout('name', line)

describe('a # that begins a comment where text was meant', () => {
  test.each<[string, string[]]>([
    [tags('tags: [#art]'), ['3:12: tags: #art']],
    [tags('tags: [art, #photo, cats]'), ['3:17: tags: #photo']],
    [tags('tags: [#art, #photo]'), ['3:12: tags: #art', '3:18: tags: #photo']],
    [tags('tags: [art #photo]'), ['3:16: tags: #photo']],
    [tags('tags: {any: [#art], none: [#ai]}'), ['3:18: tags: #art', '3:32: tags: #ai']],
    [tags('tags: [art,\n      #photo,\n      cats]'), ['4:7: tags: #photo']],
    [tags('tags:\n      - #art\n      - cats'), ['4:9: tags: #art']],
    [tags('tags:\n      - art #photo'), ['4:13: tags: #photo']],
    [tags('tags:\n      - art\n      #photo\n      - cats'), ['5:7: tags: #photo']],
    [tags('tags:\n      - art\n      #photo'), ['5:7: tags: #photo']],
    [tags('tags:\n    - #art'), ['4:7: tags: #art']],
    [tags('tags: [art] #photo'), ['3:17: tags: #photo']],
    [tags('tags:\n      any: [art]\n      #none: [ai]\n      all: []'), ['5:7: tags: #none:']],
    [name('name: Feed #1'), ['3:16: name: #1']],
    [name('name: "Feed" #1'), ['3:18: name: #1']],
    [fileWith('description: Art\n      #cats and more'), ['6:7: description: #cats']],
    [fileWith('description: #art'), ['5:18: description: #art']],
    ['feeds:\n  - { rkey: a, name: Feed #1, tags: [#a] }\n', ['2:27: name: #1', '2:38: tags: #a']],
    [
      `${tags('tags: [#art]')}  - rkey: b\n    name: No #2\n    tags: [b]\n    maxTags: 0\n`,
      [
        '3:12: tags: #art',
        '6:14: name: #2',
        'feeds.yaml:8:14: maxTags: 0, allowed: a whole number from 1',
      ],
    ],
  ])('is refused with its place, whatever else is wrong: %j', (text, places) => {
    expect(placesOf(text)).toEqual(places)
  })

  test('is told what to write instead', () => {
    expect(problemsOf(tags('tags: [#art]'))[0]).toContain(
      'allowed: art without #, or in quotes: "#art"',
    )
    const whole = 'allowed: the whole text in quotes: name: "Feed #1"'
    expect(problemsOf(name('name: Feed #1'))[0]).toContain(whole)
    expect(problemsOf('feeds:\n  - { rkey: a, name: Feed #1, tags: [a] }\n')[0]).toContain(whole)
  })
})

describe('a comment that is meant', () => {
  test.each([
    fileWith('#maxTags: 3'),
    fileWith('media: [image] #only these'),
    fileWith('description: Art # of every kind'),
    fileWith('description: "# Art #1"'),
    fileWith('description: |\n      Art\n      #1'),
    fileWith('description: C#'),
    fileWith('description: Art\n    #\n    # maxTags: 3'),
    `#top\nfeeds: #all\n  #- rkey: old\n  #  name: Old\n  - rkey: a #key\n    name: A # name\n    #x\n    tags: [a, # b\n      c]\n  #end\n`,
    'feeds:\n  - { rkey: a, name: A, tags: [a] } #one\n',
    tags('tags: [a#b, "#c", \'#d\']'),
    tags('tags:\n      # first\n      - art # one\n      # last'),
  ])('is no problem: %j', (text) => {
    expect(problemsOf(text)).toEqual([])
    expect(parseOne(text).rkey).toMatch(/^a/)
  })

  test('is told of the first fifty alone, and nothing is made up of the rest', () => {
    const feeds = Array.from(
      { length: 60 },
      (_, index) => `  - rkey: f${index}\n    name: F\n    tags: [#t${index}]\n`,
    )
    const problems = problemsOf(`feeds:\n${feeds.join('')}`)
    expect(problems).toHaveLength(50)
    expect(problems.every((problem) => / begins a comment/u.test(problem))).toBe(true)
  })
})
