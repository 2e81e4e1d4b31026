import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPost, did } from '../support/events.ts'
import type { CommitEvent, PostOptions } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'

const embed = (type: string, media?: string) => ({
  embed: {
    $type: `app.bsky.embed.${type}`,
    ...(media !== undefined && { media: { $type: `app.bsky.embed.${media}` } }),
  },
})
const labels = (...values: string[]) => ({
  labels: {
    $type: 'com.atproto.label.defs#selfLabels',
    values: values.map((val) => ({ val })),
  },
})
const tagsOf = (count: number): string[] => [
  'art',
  ...Array.from({ length: count - 1 }, (_, n) => `t${n}`),
]

/** Each post by a name of its own; the feeds below are told by these names who belongs to them. */
const posts: Record<string, Partial<PostOptions>> = {
  plain: { tags: ['art'] },
  artwork: { tags: ['ArtWork', 'cats'] },
  both: { tags: ['art', 'cats'] },
  ai: { tags: ['art', 'AIart'] },
  other: { tags: ['dogs'] },
  image: { tags: ['media'], record: embed('images') },
  gallery: { tags: ['media'], record: embed('gallery') },
  video: { tags: ['media'], record: embed('video') },
  link: { tags: ['media'], record: embed('external') },
  quote: { tags: ['media'], record: embed('record') },
  quotedImage: { tags: ['media'], record: embed('recordWithMedia', 'images') },
  quotedLink: { tags: ['media'], record: embed('recordWithMedia', 'external') },
  bare: { tags: ['media'] },
  english: { tags: ['lang'], record: { langs: ['en-GB'] } },
  japanese: { tags: ['lang'], record: { langs: ['JA', 'de'] } },
  noLanguage: { tags: ['lang'], record: { langs: undefined } },
  badLanguage: { tags: ['lang'], record: { langs: ['not a language', 7] } },
  porn: { tags: ['label'], record: labels('porn') },
  sexual: { tags: ['label'], record: labels('nudity', 'sexual') },
  bot: { tags: ['label'], record: labels('bot') },
  clean: { tags: ['label'] },
  byTwo: { tags: ['author'], did: did(2) },
  byThree: { tags: ['author'], did: did(3) },
  three: { tags: tagsOf(3).concat('T1', '#t0') },
  four: { tags: tagsOf(4) },
}

const feeds: [rkey: string, definition: string, members: string[]][] = [
  ['any', 'tags: [art, artwork]', ['plain', 'artwork', 'both', 'ai', 'three', 'four']],
  ['anyform', 'tags: { any: ["#ART"] }', ['plain', 'both', 'ai', 'three', 'four']],
  ['all', 'tags: { all: [cats, art] }', ['both']],
  ['anyall', 'tags: { any: [artwork, art], all: [cats] }', ['artwork', 'both']],
  ['none', 'tags: { any: [art], none: [aiart, t0] }', ['plain', 'both']],
  ['empty', 'tags: { any: [dogs], all: [], none: [] }', ['other']],
  ['nothing', 'tags: [nobodywritesthis]', []],
  ['images', 'tags: [media], media: [image]', ['image', 'gallery', 'quotedImage']],
  ['videos', 'tags: [media], media: [video]', ['video']],
  ['links', 'tags: [media], media: [link]', ['link', 'quotedLink']],
  ['nomedia', 'tags: [media], media: [none]', ['quote', 'bare']],
  ['twomedia', 'tags: [media], media: [video, none]', ['video', 'quote', 'bare']],
  ['en', 'tags: [lang], languages: [en]', ['english']],
  ['jaorde', 'tags: [lang], languages: [ja-JP, DE]', ['japanese']],
  ['und', 'tags: [lang], languages: [und]', ['noLanguage', 'badLanguage']],
  ['labels', 'tags: [label], labels: { none: [porn, sexual] }', ['bot', 'clean']],
  ['only', `tags: [author], authors: { only: ["${did(2)}"] }`, ['byTwo']],
  ['noauthor', `tags: [author], authors: { none: ["${did(2)}"] }`, ['byThree']],
  ['maxtags', 'tags: [art], maxTags: 3', ['plain', 'both', 'ai', 'three']],
]

const yamlOf = (list: readonly (readonly [string, string, unknown])[]): string =>
  `feeds:\n${list.map(([rkey, definition]) => `  - { rkey: ${rkey}, name: ${rkey}, ${definition} }\n`).join('')}`

describe('the filters of a feed', () => {
  const startUs = (Date.now() - 60_000) * 1000
  const events = Object.entries(posts).map(([name, options], index): [string, CommitEvent] => [
    name,
    createPost({ timeUs: startUs + index * 1_000_000, ...options }),
  ])
  const uris = new Map(
    events.map(([name, event]) => [
      name,
      `at://${event.did}/app.bsky.feed.post/${event.commit.rkey}`,
    ]),
  )
  const names = new Map([...uris].map(([name, uri]) => [uri, name]))
  const lastUs = startUs + (events.length - 1) * 1_000_000
  const stack = new AsyncDisposableStack()
  let app: RunningApp
  let env: Record<string, string>

  beforeAll(async () => {
    const jetstream = stack.use(await openJetstreamServer())
    jetstream.append(...events.map(([, event]) => event))
    env = { FEEDGEN_JETSTREAM_URLS: jetstream.url }
    app = stack.use(await runApp({ feeds: yamlOf(feeds), env }))
    await app.untilCommitted(lastUs)
  })
  afterAll(() => stack.disposeAsync())

  const membersOf = async (service: RunningApp, rkey: string): Promise<(string | undefined)[]> =>
    (await service.walk(rkey, 3)).map((uri) => names.get(uri))

  test.each(feeds)('%s: %s', async (rkey, _, members) => {
    expect(await membersOf(app, rkey)).toEqual(members.toReversed())
  })

  test('hold for stored posts from the next start on, and a new feed has history at once', async () => {
    expect(await app.stop()).toBe(0)
    const changed: typeof feeds = [
      ['any', 'tags: [artwork]', ['artwork']],
      ['fresh', 'tags: { any: [media, lang], none: [art] }, languages: [ja, und]', []],
      ['videos', 'tags: [media], media: [video, link]', ['video', 'link', 'quotedLink']],
    ]
    await using again = await runApp({ feeds: yamlOf(changed), folder: app.folder, env })
    expect(await membersOf(again, 'any')).toEqual(['artwork'])
    expect(await membersOf(again, 'fresh')).toEqual(['badLanguage', 'noLanguage', 'japanese'])
    expect(await membersOf(again, 'videos')).toEqual(['quotedLink', 'link', 'video'])
    expect(again.logs.filter(({ event }) => event === 'filterBuilt')).toHaveLength(3)
  })
})
