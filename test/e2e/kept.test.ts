import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accountEvent, createPost, deletePost, did, fakeCid } from '../support/events.ts'
import { identityEvent, tid, updatePost } from '../support/events.ts'
import type { CommitEvent, JetstreamEvent, PostOptions } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import type { JetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { createRandom } from '../support/streamGenerator.ts'
import type { Random } from '../support/streamGenerator.ts'

/**
 * Section 4 of the contract, rule by rule, at a service that is fed over a WebSocket and asked over
 * HTTP. All tests share one service; each has feeds, accounts and a stretch of time of its own.
 */

const HOUR_US = 3_600_000_000

/** Pure ASCII, so that YAML reads back exactly what is written here. */
const quote = (text: string): string =>
  `"${Array.from(text, (letter) =>
    /[\w -]/.test(letter)
      ? letter
      : `\\U${(letter.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`,
  ).join('')}"`

const feedLine = (rkey: string, tags: readonly string[], more = ''): string =>
  `  - { rkey: ${rkey}, name: ${rkey}, tags: [${tags.map(quote).join(', ')}]${more} }\n`

/** Of each group: one feed, asked for by one of the forms; all forms are the same tag, no others. */
const tagGroups: readonly (readonly [name: string, ask: string, ...forms: string[]])[] = [
  ['letter case', 'JAVASCRIPT', 'JavaScript', 'javascript', 'jAVAsCRIPT'],
  ['a leading number sign', '#painted', 'painted', '#painted', '＃painted', '﹟Painted'],
  ['many leading number signs', 'double', '##double', '#＃#double', '# # double'],
  ['white space around', ' spaced ', '  spaced', 'spaced\t', '\u3000#\u00a0spaced\u2003'],
  ['white space inside', 'two words', 'Two Words', 'two\u00a0words', '#two\u2003words'],
  ['two spaces inside', 'two  words', 'two  words'],
  ['full-width Japanese', '＃日本語', '日本語', '#日本語'],
  ['half-width kana', 'カタカナ', 'ｶﾀｶﾅ', 'カタカナ'],
  ['full-width letters', 'ｗｉｄｅ', 'wide', 'ＷＩＤＥ', '＃Ｗide'],
  ['a hyphen', 'foo-bar', 'foo-bar', 'Foo-Bar'],
  ['an underscore', 'foo_bar', 'foo_bar', 'FOO_BAR'],
  ['a dot', 'foo.bar', 'foo.bar', 'foo\u2024bar'],
  ['nothing between', 'foobar', 'foo\u200bbar', 'foo\u00adbar', 'foo\u2060bar', 'foo\ufeffbar'],
  ['digits only', '123', '123', '１２３', '①②③'],
  ['Arabic-Indic digits', '٣٤', '٣٤'],
  ['those digits in ASCII', '34', '34', '３４'],
  ['a comma and a number sign', 'a,#b', 'a,#b', 'A,＃B'],
  ['plus signs', 'c++', 'C++', '#c++'],
  ['a number sign at the end', 'c#', 'C#', '#c#', 'c＃'],
  ['no number sign at the end', 'c', 'C'],
  ['a variation selector', 'tag', 'tag\ufe0f', 'TAG', '\ufe0ftag', '\u200b#tag', '#\u200d#tag'],
  ['a heart', '❤️', '❤', '❤\ufe0f', '❤\ufe0e'],
  ['a joined emoji', '👩‍🎨', '👩🎨', '👩\u200d🎨'],
  ['an accent', 'caf\u00e9', 'Cafe\u0301', 'CAF\u00c9', 'cafe\u200d\u0301'],
  ['no accent', 'cafe', 'CAFE'],
  ['a ligature', 'fire', '\ufb01re', 'FIRE'],
  ['a cashtag', '$tsla', '$TSLA'],
  ['no cashtag', 'tsla', 'TSLA'],
  ['a dotted capital I', 'istanbul', 'İstanbul', 'I\u0307stanbul', 'i\u0307\u0307STANBUL'],
  ['a dotless i', '\u0131stanbul', '\u0131stanbul'],
  ['a final sigma', 'ΟΔΟΣ', 'οδος', 'οδοσ', 'ΟΔΟΣ', 'οδοςς'.slice(0, 4)],
  ['a sharp s', 'stra\u00dfe', 'STRA\u1e9eE', 'Stra\u00dfe'],
  ['two s', 'strasse', 'STRASSE'],
  [
    'compatibility letters',
    '\u212bkg',
    '\u00e5\u338f'.replace('\u338f', '㎏'),
    'A\u030aKG',
    '\u212bkg',
  ],
  ['a trailing ignorable behind a space', 'end', 'end \u200b', 'end\u200b ', '\u2060end\u3164'],
  ['64 graphemes', `#${'x'.repeat(64)}`, 'X'.repeat(64), `##${'x'.repeat(64)} `],
  ['64 letters with accents', '\u00f1'.repeat(64), 'N\u0303'.repeat(64)],
]

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

const PLAIN_FEEDS = [
  ...'renewed root src when tie update enter change again second delete replayed'.split(' '),
  ...'recreated shuffled shuffled2 erased erasedback later hidden meanwhile latest seq'.split(' '),
  ...'stale twocids edited first untagged account2 hiddenedit unknownstatus odd nodate'.split(' '),
]

const FEEDS = [
  'feeds:\n',
  ...PLAIN_FEEDS.map((tag) => feedLine(tag, [tag])),
  ...tagGroups.map(([, ask], index) => feedLine(`canonical${index}`, [ask])),
  feedLine('maxone', ['maxone'], ', maxTags: 1'),
].join('')

const uriOf = ({ did, commit }: CommitEvent): string =>
  `at://${did}/app.bsky.feed.post/${commit.rkey}`

const datetimeUs = (us: number): string =>
  `${new Date(Math.floor(us / 1000)).toISOString().slice(0, -1)}${String(us % 1000).padStart(3, '0')}Z`

const shuffle = <T>(items: readonly T[], random: Random): T[] => {
  const left = [...items]
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T)
}

const stack = new AsyncDisposableStack()
let jetstream: JetstreamServer
let app: RunningApp
let nowUs = (Date.now() - 90 * 60_000) * 1000
let accounts = 100

/** The next moment of the stream; no two are the same. */
const tick = (): number => (nowUs += 100_000)
const newDid = (): string => did((accounts += 1))

beforeAll(async () => {
  jetstream = stack.use(await openJetstreamServer())
  const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url, FEEDGEN_RETENTION_DAYS: '36500' }
  app = stack.use(await runApp({ feeds: FEEDS, env }))
})
afterAll(() => stack.disposeAsync())

/** Sends frames, and waits until what they say can be read. */
async function publish(...events: readonly JetstreamEvent[]): Promise<void> {
  const marker = identityEvent({ timeUs: tick(), did: did(0) })
  jetstream.append(...events, marker)
  await app.untilCommitted(marker.time_us)
}

const rejected = async (): Promise<number> => (await app.health()).ingest.rejectedTotal

const post = (tag: string | readonly string[], options: Partial<PostOptions> = {}): CommitEvent =>
  createPost({ timeUs: tick(), did: newDid(), tags: [tag].flat(), ...options })

/** What follows about the record of `event`. */
const nextOf = (event: CommitEvent) => ({
  timeUs: tick(),
  did: event.did,
  rkey: event.commit.rkey,
})
const update = (event: CommitEvent, tags: readonly string[], options: Partial<PostOptions> = {}) =>
  updatePost({ ...nextOf(event), tags, ...options })
const remove = (event: CommitEvent) => deletePost(nextOf(event))

type AccountOptions = Partial<Parameters<typeof accountEvent>[0]>
const account = ({ did }: { did: string }, options: AccountOptions) =>
  accountEvent({ timeUs: tick(), did, ...options })
const off = (event: { did: string }, status?: string) => account(event, { active: false, status })
const on = (event: { did: string }) => account(event, { active: true })

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

describe('indexed_at', () => {
  /** The event's own time, where `createdAt` is unreadable or later. */
  const EVENT = 'the time of the event'
  const day = (us: number): string => new Date(us / 1000).toISOString().slice(0, 10)
  const seconds = (us: number): string => new Date(us / 1000).toISOString().slice(0, 19)
  const exactly = (text: string, us: number) => (): [unknown, number | typeof EVENT] => [text, us]
  const is = (value: unknown) => (): [unknown, typeof EVENT] => [value, EVENT]
  /** `whole` is a whole second, an hour before the event. */
  type Row = (whole: number, event: number) => [createdAt: unknown, expected: number | typeof EVENT]
  const zone =
    (text: string, minutes: number): Row =>
    (whole) => [`${seconds(whole + minutes * 60_000_000)}${text}`, whole]
  const fraction =
    (digits: string, us: number): Row =>
    (whole) => [`${seconds(whole)}.${digits}Z`, whole + us]
  const bad =
    (make: (whole: number) => string): Row =>
    (whole) => [make(whole), EVENT]
  const rows: [name: string, row: Row][] = [
    ['Z', zone('Z', 0)],
    ['+00:00', zone('+00:00', 0)],
    ['+05:30', zone('+05:30', 330)],
    ['-08:00', zone('-08:00', -480)],
    ['+14:00', zone('+14:00', 840)],
    ['-12:00', zone('-12:00', -720)],
    ['one digit', fraction('1', 100_000)],
    ['three digits', fraction('123', 123_000)],
    ['six digits', fraction('123456', 123_456)],
    ['a seventh digit, cut off', fraction('1234567', 123_456)],
    ['nine nines, not rounded up', fraction('999999999', 999_999)],
    ['twenty digits', fraction('00000199999999999999', 1)],
    [
      'a fraction and an offset',
      (whole) => [`${seconds(whole + 3_600_000_000)}.000007+01:00`, whole + 7],
    ],
    ['a leap day', exactly('2024-02-29T12:00:00Z', Date.UTC(2024, 1, 29, 12) * 1000)],
    [
      'the end of a year in another zone',
      exactly('2024-12-31T23:30:00-01:00', Date.UTC(2025, 0, 1, 0, 30) * 1000),
    ],
    ['the first microsecond', exactly('1970-01-01T00:00:00.000001Z', 1)],
    ['1970', exactly('1970-01-01T00:00:00Z', 0)],
    ['the last moment before 1970', exactly('1969-12-31T23:59:59.999999Z', 0)],
    ['1970 in a zone ahead', exactly('1970-01-01T00:00:00+09:00', 0)],
    ['1900', exactly('1900-01-01T00:00:00Z', 0)],
    ['the year 1', exactly('0001-01-01T00:00:00Z', 0)],
    ['the year 99', exactly('0099-06-01T00:00:00.5Z', 0)],
    ['a microsecond before the event', (_, event) => [datetimeUs(event - 1), event - 1]],
    ['the moment of the event', (_, event) => [datetimeUs(event), EVENT]],
    ['a microsecond after the event', (_, event) => [datetimeUs(event + 1), EVENT]],
    ['an hour after the event', (_, event) => [datetimeUs(event + HOUR_US), EVENT]],
    ['the year 9999', is('9999-12-31T23:59:59.999Z')],
    ['the year 10000', is('10000-01-01T00:00:00Z')],
    ['the year 0', is('0000-01-01T00:00:00Z')],
    ['a year below 0', is('-0001-01-01T00:00:00Z')],
    ['a signed year', is('+002024-01-01T00:00:00Z')],
    ['30 February', is('2024-02-30T00:00:00Z')],
    ['29 February of a common year', is('2023-02-29T00:00:00Z')],
    ['29 February 1900', is('1900-02-29T00:00:00Z')],
    ['31 April', is('2024-04-31T00:00:00Z')],
    ['day 0', is('2024-01-00T00:00:00Z')],
    ['month 0', is('2024-00-01T00:00:00Z')],
    ['month 13', is('2024-13-01T00:00:00Z')],
    ['hour 24', is('2024-01-01T24:00:00Z')],
    ['minute 60', is('2024-01-01T00:60:00Z')],
    ['second 61', is('2024-01-01T00:00:61Z')],
    ['no zone', bad(seconds)],
    ['zone -00:00', bad((whole) => `${seconds(whole)}-00:00`)],
    ['a zone without a colon', bad((whole) => `${seconds(whole)}+0000`)],
    ['a zone of hours', bad((whole) => `${seconds(whole)}+00`)],
    ['a zone of 24 hours', bad((whole) => `${seconds(whole)}+24:00`)],
    ['a zone of 60 minutes', bad((whole) => `${seconds(whole)}+00:60`)],
    ['a small z', bad((whole) => `${seconds(whole)}z`)],
    ['a small t', bad((whole) => `${seconds(whole)}Z`.replace('T', 't'))],
    ['a space for T', bad((whole) => `${seconds(whole)}Z`.replace('T', ' '))],
    ['a date alone', bad(day)],
    ['no seconds', bad((whole) => `${seconds(whole).slice(0, 16)}Z`)],
    ['a dot and no digits', bad((whole) => `${seconds(whole)}.Z`)],
    ['a comma for the dot', bad((whole) => `${seconds(whole)},5Z`)],
    ['the basic form', bad((whole) => `${seconds(whole).replaceAll(/[-:]/g, '')}Z`)],
    ['a space in front', bad((whole) => ` ${seconds(whole)}Z`)],
    ['a line break behind', bad((whole) => `${seconds(whole)}Z\n`)],
    ['other digits', bad((whole) => `${seconds(whole)}Z`.replaceAll('0', '０'))],
    ['words', is('yesterday')],
    ['an HTTP date', bad((whole) => new Date(whole / 1000).toUTCString())],
    ['an empty text', is('')],
    ['a number', is(1_700_000_000_000)],
    ['null', is(null)],
    ['an object', is({})],
    ['nothing', is(undefined)],
  ]
  const cases = rows.map(([name, row]) => {
    const event = tick() + 137
    const whole = Math.floor((event - HOUR_US) / 1_000_000) * 1_000_000
    const [createdAt, wanted] = row(whole, event)
    const expected = wanted === EVENT ? event : wanted
    const at = (us: number) =>
      post('when', { timeUs: Math.max(us, event), record: { createdAt: datetimeUs(us) } })
    const subject = post('when', { timeUs: event, record: { createdAt } })
    const newer = at(expected + 1)
    return { name, expected, subject, newer, older: expected > 0 ? at(expected - 1) : undefined }
  })
  let order: string[] = []

  beforeAll(async () => {
    await publish(
      ...cases.flatMap(({ subject, newer, older }) => [subject, newer, ...(older ? [older] : [])]),
    )
    order = await app.walk('when')
  })

  test.each(cases)('takes createdAt with $name to the microsecond', (row) => {
    const place = order.indexOf(uriOf(row.subject))
    expect(place).toBeGreaterThan(order.indexOf(uriOf(row.newer)))
    expect(row.older === undefined || place < order.indexOf(uriOf(row.older))).toBe(true)
  })

  test('is the time of the first event after which the record was kept', async () => {
    const createdAt = undefined
    const early = post([], { record: { createdAt } })
    const reply = post(['nodate'], { record: { createdAt, reply: {} } })
    const between = post('nodate', { record: { createdAt } })
    const entered = update(early, ['nodate'], { record: { createdAt } })
    const between2 = post('nodate', { record: { createdAt } })
    const rooted = update(reply, ['nodate'], { record: { createdAt } })
    await publish(early, reply, between, entered, between2, rooted)
    expect(await app.walk('nodate')).toEqual([reply, between2, early, between].map(uriOf))
  })
})

describe('the order of a recent feed', () => {
  test('is indexed_at, then cid, then uri, all descending, by bytes', async () => {
    const createdAt = datetimeUs(tick())
    const cids = [
      'bafyaaaa',
      'bafyaaab',
      'bafyaaaba',
      'bafyZZZZ',
      'bafy9999',
      'Zafyaaaa',
      'zzzzzzzz',
    ]
    const rkeys = ['3kaaaaaaaaa2a', 'A', 'a', 'a~', 'a-b', 'a_b', 'a.b', 'a:b', 'aB', 'Z']
    const dids = [newDid(), newDid(), 'did:web:Example.com', 'did:web:example.com']
    const posts = cids.flatMap((cid, index) =>
      rkeys.flatMap((rkey) =>
        dids.map((author) =>
          post('tie', { cid, rkey: `${rkey}${index}`, did: author, record: { createdAt } }),
        ),
      ),
    )
    const newest = post('tie', { cid: 'aaaaaaaa' })
    const oldest = post('tie', {
      cid: 'zzzzzzzzz',
      record: { createdAt: datetimeUs(nowUs - HOUR_US) },
    })
    await publish(...shuffle([...posts, newest, oldest], createRandom(1)))
    const keyOf = (event: CommitEvent) => `${event.commit.cid} ${uriOf(event)}`
    const sorted = posts.toSorted((left, right) => (keyOf(left) < keyOf(right) ? 1 : -1))
    const expected = [newest, ...sorted, oldest].map(uriOf)
    expect(await app.walk('tie', 100)).toEqual(expected)
    expect(await app.walk('tie', 7)).toEqual(expected)
  })

  test('tells equal records in two repositories apart', async () => {
    const timeUs = tick()
    const cid = fakeCid('same')
    const same = [newDid(), newDid(), newDid()].map((author) =>
      post('twocids', { timeUs, did: author, rkey: '3kaaaaaaaaa2a', cid }),
    )
    await publish(...same)
    const expected = same.map(uriOf).toSorted().toReversed()
    expect(await app.walk('twocids', 1)).toEqual(expected)
    await publish(remove(same[1] as CommitEvent))
    expect(await app.walk('twocids', 1)).toEqual(
      expected.filter((uri) => uri !== uriOf(same[1] as CommitEvent)),
    )
  })
})

describe('an update', () => {
  test('lets a post enter and leave', async () => {
    const entering = post(['other'])
    const leaving = post('enter')
    const turned = post('enter')
    await publish(entering, leaving, turned)
    expect(await app.walk('enter')).toEqual([turned, leaving].map(uriOf))
    await publish(
      update(entering, ['enter']),
      update(leaving, []),
      update(turned, ['enter'], { record: { reply: {} } }),
    )
    expect(await app.walk('enter')).toEqual([uriOf(entering)])
  })

  test('changes tags', async () => {
    const changing = post(['change', 'first'])
    await publish(changing, update(changing, ['change', 'again']))
    expect(await app.walk('change')).toEqual([uriOf(changing)])
    expect(await app.walk('again')).toEqual([uriOf(changing)])
    expect(await app.walk('first')).toEqual([])
  })

  test.each([
    ['in one batch', true],
    ['one by one', false],
  ])('never moves a post, neither by time nor by cid (%s)', async (_, isOneBatch) => {
    const createdAt = datetimeUs(tick())
    const low = post('edited', { cid: 'cccccccc', record: { createdAt } })
    const middle = post('edited', { cid: 'mmmmmmmm', record: { createdAt } })
    const high = post('edited', { cid: 'xxxxxxxx', record: { createdAt } })
    const later = post('edited')
    const earlier = { record: { createdAt: '2020-01-01T00:00:00Z' } }
    const events = [
      ...[low, middle, high, later],
      update(low, ['edited', 'x'], { cid: 'zzzzzzzz' }),
      update(high, ['edited'], { cid: 'aaaaaaaa', ...earlier }),
      update(middle, ['edited', 'y'], { record: { createdAt: undefined } }),
    ]
    if (isOneBatch) {
      await publish(...events)
    } else {
      for (const event of events) {
        await publish(event)
      }
    }
    expect((await app.walk('edited')).slice(0, 4)).toEqual([later, high, middle, low].map(uriOf))
  })

  test('brings a post back to its place after it was without tags', async () => {
    const createdAt = datetimeUs(tick())
    const gone = post('untagged', { cid: 'cccccccc', record: { createdAt } })
    const middle = post('untagged', { cid: 'mmmmmmmm', record: { createdAt } })
    const replied = post('untagged', { cid: 'xxxxxxxx', record: { createdAt } })
    await publish(gone, middle, replied)
    await publish(update(gone, []), update(replied, ['untagged'], { record: { reply: {} } }))
    expect(await app.walk('untagged')).toEqual([uriOf(middle)])
    await publish(update(gone, ['elsewhere'], { cid: 'yyyyyyyy' }))
    const back = { cid: 'zzzzzzzz', record: { createdAt: undefined } }
    await publish(update(gone, ['untagged'], back), update(replied, ['untagged'], back))
    expect(await app.walk('untagged')).toEqual([replied, middle, gone].map(uriOf))
  })

  test('of a record that was never seen makes it one', async () => {
    const unseen = updatePost({ timeUs: tick(), did: newDid(), rkey: '3kaaa', tags: ['update'] })
    const after = post('update')
    await publish(unseen, after)
    expect(await app.walk('update')).toEqual([after, unseen].map(uriOf))
  })

  test('is what a second create is, too', async () => {
    const twice = post(['second', 'first'])
    const after = post('second')
    const again = createPost({ ...nextOf(twice), tags: ['second'], cid: 'zzzzzzzz' })
    await publish(twice, after, again)
    expect(await app.walk('second')).toEqual([after, twice].map(uriOf))
    expect(await app.walk('first')).toEqual([])
    await publish(createPost({ ...nextOf(twice), tags: [] }))
    expect(await app.walk('second')).toEqual([uriOf(after)])
  })
})

describe('a delete', () => {
  test('takes a post out at once, and one of nothing does nothing', async () => {
    const kept = post('delete')
    const gone = post('delete')
    await publish(kept, gone, deletePost({ timeUs: tick(), did: newDid(), rkey: '3kaaa' }))
    expect(await app.walk('delete')).toEqual([gone, kept].map(uriOf))
    await publish(remove(gone), remove(gone))
    expect(await app.walk('delete')).toEqual([uriOf(kept)])
  })

  test('holds against a create that is repeated after it, and before it', async () => {
    const seen = post('replayed')
    await publish(seen, remove(seen))
    const unseen = post('replayed')
    await publish(remove(unseen))
    await publish(seen, unseen)
    await publish(seen, unseen, update(seen, ['replayed'], { rev: tid(seen.time_us + 1) }))
    expect(await app.walk('replayed')).toEqual([])
  })

  test('leaves nothing behind when the record is created again at once, and deleted later', async () => {
    const first = post('renewed', { record: { createdAt: undefined } })
    const between = post('renewed', { record: { createdAt: undefined } })
    await publish(first, between)
    const again = { ...nextOf(first), tags: ['renewed'], record: { createdAt: undefined } }
    await publish(remove(first), createPost({ ...again, timeUs: tick(), rev: tid(nowUs) }))
    expect(await app.walk('renewed')).toEqual([first, between].map(uriOf))
    await publish(update(first, ['renewed', 'x']))
    expect(await app.walk('renewed')).toEqual([first, between].map(uriOf))
    await publish(remove(first))
    expect(await app.walk('renewed')).toEqual([uriOf(between)])
  })

  test('ends the record: created again it is a new one, at a new place', async () => {
    const record = { createdAt: undefined }
    const first = post('recreated', { record, cid: 'zzzzzzzz' })
    const between = post('recreated', { record })
    await publish(first, between)
    await publish(remove(first), createPost({ ...nextOf(first), tags: ['recreated'], record }))
    expect(await app.walk('recreated')).toEqual([first, between].map(uriOf))
    const tie = { createdAt: datetimeUs(tick()) }
    const low = post('recreated', { record: tie, cid: 'cccccccc' })
    const middle = post('recreated', { record: tie, cid: 'mmmmmmmm' })
    const renewed = createPost({
      ...nextOf(low),
      tags: ['recreated'],
      record: tie,
      cid: 'xxxxxxxx',
    })
    await publish(low, middle, deletePost({ ...nextOf(low), rev: tid(nowUs - 1) }))
    await publish({ ...renewed, commit: { ...renewed.commit, rev: tid(tick()) } })
    expect((await app.walk('recreated')).slice(0, 2)).toEqual([low, middle].map(uriOf))
  })
})

describe('revisions', () => {
  /** One frame of a history: `undefined` is a delete. */
  type Step = readonly string[] | undefined
  const histories = (random: Random): Step[][] => [
    [['shuffled'], ['shuffled2']],
    [['shuffled'], undefined, ['shuffled2']],
    [['shuffled'], [], ['shuffled', 'shuffled2']],
    [['shuffled'], ['shuffled2'], undefined, ['shuffled']],
    [['shuffled'], ['shuffled2'], undefined],
    [undefined, ['shuffled']],
    ...Array.from({ length: 60 }, () =>
      Array.from({ length: 2 + random.below(5) }, (): Step => {
        const tags = ['shuffled', 'shuffled2'].filter(() => random.chance(0.6))
        return random.chance(0.3) ? undefined : tags
      }),
    ),
  ]

  test.each([11, 12, 13])(
    'give the same feeds in any order and number as in order (seed %i)',
    async (seed) => {
      const random = createRandom(seed)
      // One claimed time a history, so that its place does not depend on when it was first seen.
      const frames = histories(random).map((steps) => {
        const rkey = tid(tick())
        const record = { createdAt: datetimeUs(tick()) }
        const authors = [newDid(), newDid()] as const
        const make = (did: string) =>
          steps.map((tags, index) => {
            const options = { timeUs: nowUs, did, rkey, rev: tid(nowUs + index), record }
            if (tags === undefined) {
              return deletePost(options)
            }
            const write = index % 2 === 0 ? createPost : updatePost
            return write({ ...options, tags, cid: fakeCid(`${rkey}${index}`) })
          })
        const shuffled = shuffle(make(authors[1]), random)
        const repeats = shuffled.filter(() => random.chance(0.4))
        return { rkey, authors, inOrder: make(authors[0]), shuffled: [...shuffled, ...repeats] }
      })
      // All records at once, each in its own order, in three batches or more.
      const longest = Math.max(...frames.map(({ shuffled }) => shuffled.length))
      const rounds = Array.from({ length: longest }, (_, step) =>
        frames.flatMap(({ inOrder, shuffled }) =>
          [inOrder[step], shuffled[step]].filter((frame) => frame !== undefined),
        ),
      )
      for (const part of [rounds.slice(0, 2), rounds.slice(2, 4), rounds.slice(4)]) {
        await publish(...part.flat().map((frame) => ({ ...frame, time_us: tick() })))
      }
      for (const rkey of ['shuffled', 'shuffled2']) {
        const uris = await app.walk(rkey)
        const of = (which: 0 | 1) =>
          uris.flatMap((uri) => {
            const found = frames.find(({ authors }) => uri.includes(authors[which]))
            return found === undefined ? [] : [found.rkey]
          })
        const isThere = (steps: readonly CommitEvent[]): boolean =>
          JSON.stringify(steps.at(-1)?.commit.record?.['facets'] ?? []).includes(`"${rkey}"`)
        const model = frames.filter(({ inOrder }) => isThere(inOrder)).map(({ rkey }) => rkey)
        expect(of(0)).toEqual(model.toReversed())
        expect(of(1)).toEqual(of(0))
      }
    },
  )

  test('compare as text: an older one changes nothing', async () => {
    const author = newDid()
    const rkey = '3kaaa'
    const at = (rev: string, tags: string[]) =>
      updatePost({ timeUs: tick(), did: author, rkey, rev, tags })
    await publish(at('3kzzzzzzzzzzz', ['odd']), at('3l22222222222', ['odd', 'x']))
    await publish(at('3l22222222222', []), at('3kzzzzzzzzzzz', []), at('3222222222222', []))
    expect(await app.walk('odd')).toHaveLength(1)
    await publish(deletePost({ timeUs: tick(), did: author, rkey, rev: '3kzzzzzzzzzzz' }))
    expect(await app.walk('odd')).toHaveLength(1)
    await publish(deletePost({ timeUs: tick(), did: author, rkey, rev: '3l22222222223' }))
    expect(await app.walk('odd')).toEqual([])
  })
})

describe('an account', () => {
  const sendAll = async (events: readonly JetstreamEvent[], isOneBatch: boolean): Promise<void> => {
    for (const group of isOneBatch ? [events] : events.map((event) => [event])) {
      await publish(...group)
    }
  }
  const both = [
    ['in one batch', true],
    ['one by one', false],
  ] as const

  test.each(both)('that is deleted loses everything, for good (%s)', async (_, isOneBatch) => {
    const author = newDid()
    const posts = [1, 2, 3].map(() => post('erased', { did: author }))
    const other = post('erased')
    const edited = update(posts[1] as CommitEvent, ['erased', 'x'])
    const before = (await app.walk('erased')).length
    await sendAll([...posts, edited, other, off({ did: author }, 'deleted')], isOneBatch)
    expect(await app.walk('erased')).toHaveLength(before + 1)
    await sendAll([on({ did: author }), ...posts, edited], isOneBatch)
    expect(await app.walk('erased')).toHaveLength(before + 1)
    expect(await app.walk('erased')).toContain(uriOf(other))
  })

  test('that is deleted while hidden, or twice, loses everything, too', async () => {
    const first = post('erasedback')
    const meanwhile = post('erasedback', { did: first.did })
    await publish(first, off(first, 'deactivated'), meanwhile, off(first, 'deleted'))
    await publish(on(first), first, meanwhile)
    expect(await app.walk('erasedback')).toEqual([])
    const after = post('erasedback', { did: first.did })
    await publish(off(first, 'deleted'), after, off(first, 'deleted'), on(first), after)
    expect(await app.walk('erasedback')).toEqual([])
    const back = post('erasedback', { did: first.did })
    await publish(off(first, 'deleted'), off(first, 'deactivated'), back, on(first), first)
    expect(await app.walk('erasedback')).toEqual([uriOf(back)])
  })

  test.each(both)('makes an erased record new by a later update (%s)', async (_, isOneBatch) => {
    const record = { createdAt: undefined }
    const erased = post('later', { record })
    const between = post('later')
    const renewed = [off(erased, 'deleted'), on(erased), update(erased, ['later'], { record })]
    await sendAll([erased, between, ...renewed, erased], isOneBatch)
    expect((await app.walk('later')).slice(0, 2)).toEqual([erased, between].map(uriOf))
  })

  test('that is not active, whatever its status, is hidden until it is active again', async () => {
    const statuses = [
      undefined,
      'takendown',
      'suspended',
      'deactivated',
      'desynchronized',
      'new',
      '',
    ]
    const firsts = statuses.map(() => post('hidden'))
    await publish(...firsts, ...firsts.map((first, index) => off(first, statuses[index])))
    expect(await app.walk('hidden')).toEqual([])
    const meanwhile = firsts.map(({ did }) => post('hidden', { did }))
    await publish(...meanwhile)
    expect(await app.walk('hidden')).toEqual([])
    const after = post('hidden')
    await publish(after, ...firsts.map((first) => on(first)))
    const expected = [...firsts, ...meanwhile, after].map(uriOf).toReversed()
    expect(await app.walk('hidden')).toEqual(expected)
  })

  test('that is active is shown whatever its status, also `deleted`', async () => {
    const first = post('unknownstatus')
    const events = ['desynchronized', 'throttled', 'deleted'].map((status) =>
      account(first, { active: true, status }),
    )
    await publish(first, ...events)
    expect(await app.walk('unknownstatus')).toEqual([uriOf(first)])
  })

  test('that is hidden before its first post is heard of stays hidden', async () => {
    const author = newDid()
    const first = post('meanwhile', { did: author })
    await publish(off({ did: author }), first)
    expect(await app.walk('meanwhile')).toEqual([])
    await publish(on({ did: author }))
    expect(await app.walk('meanwhile')).toEqual([uriOf(first)])
  })

  test.each(both)('changes its posts while it is hidden (%s)', async (_, isOneBatch) => {
    const author = newDid()
    const [gone, left, entered, kept] = [1, 2, 3, 4].map((n) =>
      post(n === 3 ? 'other' : 'hiddenedit', { did: author }),
    ) as [CommitEvent, CommitEvent, CommitEvent, CommitEvent]
    const before = await app.walk('hiddenedit')
    const changes = [remove(gone), update(left, []), update(entered, ['hiddenedit'])]
    await sendAll([gone, left, entered, kept, off({ did: author }), ...changes], isOneBatch)
    expect(await app.walk('hiddenedit')).toEqual(before)
    await sendAll([on({ did: author })], isOneBatch)
    expect(await app.walk('hiddenedit')).toEqual([...[kept, entered].map(uriOf), ...before])
  })

  test('follows the frame that is later by either clock, and by no number', async () => {
    const first = post('latest')
    await publish(first)
    const base = nowUs
    // In seconds after that: the host's clock, and the account's own.
    const say = (active: boolean, told: number, own: number) => {
      const timeUs = base + told * 1_000_000
      const time = datetimeUs(base + own * 1_000_000)
      return account(first, { active, timeUs, time, seq: 1_000 - told })
    }
    nowUs += 100_000_000
    await publish(say(false, 50, 40))
    expect(await app.walk('latest')).toEqual([])
    await publish(say(true, 30, 30), say(true, 49, 39))
    expect(await app.walk('latest')).toEqual([])
    // An own clock that is ahead of the frame's says no more than that.
    await publish(say(true, 39, 5_000))
    expect(await app.walk('latest')).toEqual([])
    await publish(say(true, 51, 10))
    expect(await app.walk('latest')).toEqual([uriOf(first)])
    await publish(say(false, 45, 41))
    expect(await app.walk('latest')).toEqual([])
    await publish(say(true, 60, 60_000_000))
    expect(await app.walk('latest')).toEqual([uriOf(first)])
    await publish(say(false, 61, 20))
    expect(await app.walk('latest')).toEqual([])
  })

  test('compares account.time as a moment, not as text', async () => {
    const first = post('account2')
    await publish(first)
    const timeUs = nowUs
    const say = (active: boolean, time: string) => account(first, { active, time, timeUs })
    await publish(say(false, '2026-01-01T12:00:00.000Z'), say(true, '2026-01-01T12:00:00.000001Z'))
    expect(await app.walk('account2')).toEqual([uriOf(first)])
    await publish(say(false, '2026-01-01T13:00:00.000+02:00'))
    expect(await app.walk('account2')).toEqual([uriOf(first)])
    await publish(say(false, '2026-01-01T11:00:00.5-02:00'))
    expect(await app.walk('account2')).toEqual([])
  })

  test('is not changed by what another host tells again a minute later', async () => {
    const first = post('seq')
    const frames = [off(first, 'deactivated'), on(first), off(first, 'takendown'), on(first)]
    await publish(first, ...frames)
    const again = frames.map((frame) => ({ ...frame, time_us: frame.time_us + 60_000_000 }))
    nowUs += 61_000_000
    for (const frame of again) {
      await publish(frame)
      expect(await app.walk('seq')).toEqual([uriOf(first)])
    }
  })

  test('is not changed by events of before that are repeated', async () => {
    const first = post('stale')
    const [down, up, downAgain] = [off(first), on(first), off(first, 'suspended')]
    await publish(first, down, up)
    await publish(down)
    expect(await app.walk('stale')).toEqual([uriOf(first)])
    await publish(downAgain)
    await publish(down, up)
    expect(await app.walk('stale')).toEqual([])
    expect(await rejected()).toBe(0)
  })
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
