import { describe, expect, test } from 'vitest'
import {
  ALL_ORDERS,
  fileWith,
  fileWithout,
  noTag,
  problemsOf,
  recordKey,
} from '../../test/support/feedFiles.ts'

const someTag = 'tags: no tag is named, allowed: at least one tag in any or all'
const tagList = 'a list of tags, such as [art, artwork]'

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
    ['order: hot', '12: order: "hot" is unknown, allowed: recent, trending, following'],
    ['trending: {}', '15: trending: the order is recent, allowed: only with order: trending'],
    ['media: image', '12: media: the text "image", allowed: a list of image, video, link, none'],
    ['media: [gif]', '13: media: "gif" is unknown, allowed: image, video, link, none'],
    ['languages: en', '16: languages: the text "en", allowed: a list of language codes'],
    [
      'languages: [english]',
      '17: languages: "english" names no language, allowed: codes of 2 or 3 letters such as en or ja, with a region such as en-US, or und',
    ],
    [
      'languages: [en_US]',
      '17: languages: "en_US" names no language, allowed: codes of 2 or 3 letters such as en or ja, with a region such as en-US, or und',
    ],
    [
      'languages: [x-me]',
      '17: languages: "x-me" names no language, allowed: codes of 2 or 3 letters such as en or ja, with a region such as en-US, or und',
    ],
    [
      'languages: [""]',
      '17: languages: "" names no language, allowed: codes of 2 or 3 letters such as en or ja, with a region such as en-US, or und',
    ],
    ['languages: [true]', `17: languages: true is a boolean, allowed: text, quote it: 'true'`],
    ['labels: [porn]', '13: labels: a list, allowed: a map of none'],
    [
      'labels: {none: porn}',
      '20: labels.none: the text "porn", allowed: a list of labels, such as [porn, sexual]',
    ],
    [
      'languages: [jp]',
      '17: languages: "jp" names no language (did you mean "ja"?), allowed: codes of 2 or 3 letters such as en or ja, with a region such as en-US, or und',
    ],
    [
      'languages: [cn-CN]',
      '17: languages: "cn-CN" names no language, allowed: codes of 2 or 3 letters such as en or ja, with a region such as en-US, or und',
    ],
    [
      'labels: {none: [""]}',
      '21: labels.none: "" is no label that authors give their posts, allowed: porn, sexual, nudity, graphic-media, bot, !no-unauthenticated, !hide, !warn',
    ],
    [
      'labels: {none: [prn]}',
      '21: labels.none: "prn" is no label that authors give their posts (did you mean "porn"?), allowed: porn, sexual, nudity, graphic-media, bot, !no-unauthenticated, !hide, !warn',
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
