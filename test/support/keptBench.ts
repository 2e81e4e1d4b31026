import { afterAll, beforeAll } from 'vitest'
import { createPost, deletePost, did } from './events.ts'
import { identityEvent, updatePost } from './events.ts'
import type { CommitEvent, JetstreamEvent, PostOptions } from './events.ts'
import { openJetstreamServer } from './jetstreamServer.ts'
import type { JetstreamServer } from './jetstreamServer.ts'
import { runApp } from './runApp.ts'
import type { RunningApp } from './runApp.ts'
import type { Random } from './streamGenerator.ts'

/** One service that is fed over a WebSocket and asked over HTTP: all tests of a file share it, each with feeds, accounts and a stretch of time of its own. */

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
export const tagGroups: readonly (readonly [name: string, ask: string, ...forms: string[]])[] = [
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

export const uriOf = ({ did, commit }: CommitEvent): string =>
  `at://${did}/app.bsky.feed.post/${commit.rkey}`

export const datetimeUs = (us: number): string =>
  `${new Date(Math.floor(us / 1000)).toISOString().slice(0, -1)}${String(us % 1000).padStart(3, '0')}Z`

export const shuffle = <T>(items: readonly T[], random: Random): T[] => {
  const left = [...items]
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T)
}

const stack = new AsyncDisposableStack()
let jetstream: JetstreamServer
export let app: RunningApp
export let nowUs = (Date.now() - 90 * 60_000) * 1000
let accounts = 100

/** The next moment of the stream; no two are the same. */
export const tick = (): number => (nowUs += 100_000)
/** Lets so many microseconds pass before the next event. */
export const passTime = (us: number): void => {
  nowUs += us
}
export const newDid = (): string => did((accounts += 1))

beforeAll(async () => {
  jetstream = stack.use(await openJetstreamServer())
  const env = { FEEDGEN_JETSTREAM_URLS: jetstream.url, FEEDGEN_RETENTION_DAYS: '36500' }
  app = stack.use(await runApp({ feeds: FEEDS, env }))
})
afterAll(() => stack.disposeAsync())

/** Sends frames, and waits until what they say can be read. */
export async function publish(...events: readonly JetstreamEvent[]): Promise<void> {
  const marker = identityEvent({ timeUs: tick(), did: did(0) })
  jetstream.append(...events, marker)
  await app.untilCommitted(marker.time_us)
}

export const post = (
  tag: string | readonly string[],
  options: Partial<PostOptions> = {},
): CommitEvent => createPost({ timeUs: tick(), did: newDid(), tags: [tag].flat(), ...options })

/** What follows about the record of `event`. */
export const nextOf = (event: CommitEvent) => ({
  timeUs: tick(),
  did: event.did,
  rkey: event.commit.rkey,
})
export const update = (
  event: CommitEvent,
  tags: readonly string[],
  options: Partial<PostOptions> = {},
) => updatePost({ ...nextOf(event), tags, ...options })
export const remove = (event: CommitEvent) => deletePost(nextOf(event))
