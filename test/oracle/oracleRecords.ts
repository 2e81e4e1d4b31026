/** Post records for the oracle's stream: every form that a rule of the contract names. */
import { datetime, withHashtags } from '../support/events.ts'
import type { JetstreamEvent, RecordFields } from '../support/events.ts'
import type { Random } from '../support/streamGenerator.ts'
import { TAGS } from './oracleFeeds.ts'

const HOUR_US = 3_600_000_000
const DAY_US = 24 * HOUR_US

const UNREADABLE = [
  'yesterday',
  '',
  '2026-02-30T10:00:00Z',
  '2025-02-29T10:00:00.000Z',
  '2024-01-01T24:00:00Z',
  '2024-01-01T10:60:00Z',
  '2024-13-01T10:00:00Z',
  '0000-01-01T00:00:00Z',
  '2024-01-01T10:00:00',
  '2024-01-01T10:00:00-00:00',
  '2024-01-01 10:00:00Z',
  '2024-01-01t10:00:00z',
  '2024-01-01T10:00Z',
  '2024-01-01T10:00:00.Z',
  '2024-01-01T10:00:00+0100',
  '2024-01-01',
  1_700_000_000_000,
  null,
  undefined,
  ['2024-01-01T10:00:00Z'],
]
const ANCIENT = ['1969-12-31T23:59:59.999999Z', '0001-01-01T00:00:00Z', '2015-05-05T05:05:05+02:00']
const FUTURE = ['9999-12-31T23:59:59.999Z', '2999-01-01T00:00:00+14:00']

/** A moment with as many digits, and in such a zone, as clients happen to write it. */
export function writtenMoment(timeUs: number, random: Random): string {
  const text = datetime(timeUs).slice(0, -1)
  const micros = `${text}${String(timeUs % 1000).padStart(3, '0')}`
  const east = datetime(timeUs + 9 * HOUR_US).slice(0, -1)
  const west = datetime(timeUs - 7 * HOUR_US - HOUR_US / 2).slice(0, -1)
  return random.pick([
    `${text}Z`,
    `${micros}Z`,
    `${micros}999Z`,
    `${micros}+00:00`,
    `${east}+09:00`,
    `${west}-07:30`,
  ])
}

/** Decided by the record alone, whatever our clock says that `timeUs` is. */
export const pastMoment = (timeUs: number, random: Random): string =>
  writtenMoment(timeUs - 1 - random.below(3_000_000), random)

/** `ties` are moments that many posts share. */
export function createdAt(timeUs: number, ties: readonly number[], random: Random): unknown {
  const roll = random.next()
  if (roll < 0.7) {
    return pastMoment(timeUs, random)
  }
  if (roll < 0.86) {
    return writtenMoment(random.pick(ties), random)
  }
  if (roll < 0.9) {
    return writtenMoment(timeUs - random.below(20) * DAY_US - random.below(HOUR_US), random)
  }
  if (roll < 0.94) {
    return random.chance(0.5) ? random.pick(FUTURE) : writtenMoment(timeUs + 2 * DAY_US, random)
  }
  return roll < 0.99 ? random.pick(UNREADABLE) : random.pick(ANCIENT)
}

/** Whether a record stands beyond the retention if this event is the first sight of it. */
export function isAncient(event: JetstreamEvent): boolean {
  const record = event.kind === 'commit' ? event.commit.record : undefined
  return ANCIENT.includes(String(record?.['createdAt']))
}

/** As authors and clients write it; all of them are the same tag. */
function spelled(tag: string, random: Random): string {
  const forms = [
    tag,
    tag,
    tag,
    tag.toUpperCase(),
    `#${tag}`,
    `##${tag} `,
    ` ＃${tag.toUpperCase()}`,
  ]
  return random.pick(forms)
}

function pickTags(random: Random): string[] {
  const tags: string[] = []
  do {
    const tag = TAGS[Math.floor(random.next() ** 1.7 * TAGS.length)] ?? 'art'
    tags.push(random.chance(0.08) ? `other${random.below(50)}` : spelled(tag, random))
  } while (tags.length < 6 && random.chance(0.55))
  return random.chance(0.1) ? [...tags, ...tags.map((tag) => spelled(tag, random))] : tags
}

const NO_TAGS = ['', '#', ' ＃ ', 'x'.repeat(65), 7, null, ['art'], { tag: 'art' }]
const REF = { uri: 'at://did:plc:x/app.bsky.feed.post/y', cid: 'bafyreiabcdefgh' }
const MEDIA = ['images', 'gallery', 'video', 'external'].map((name) => ({
  $type: `app.bsky.embed.${name}`,
}))
const EMBEDS: readonly unknown[] = [
  undefined,
  undefined,
  ...MEDIA,
  { $type: 'app.bsky.embed.record', record: REF },
  ...MEDIA.map((media) => ({ $type: 'app.bsky.embed.recordWithMedia', media, record: REF })),
  { $type: 'app.bsky.embed.hologram' },
  'app.bsky.embed.images',
]
const LANGUAGES: readonly unknown[] = [
  ['en'],
  ['en'],
  ['ja'],
  ['en-US'],
  ['PT-br', 'EN'],
  ['ja', 'en'],
  ['de'],
  ['iw'],
  ['heb', 'pt-BR'],
  ['eng'],
  ['ENG-us'],
  ['jpn'],
  ['cmn-Hans', 'de'],
  ['zh-Hant-TW'],
  [],
  ['und'],
  ['', 3],
  'en',
  undefined,
]
const LABELS = ['porn', 'sexual', 'nudity', 'bot']

export type PostForm = 'root' | 'untagged' | 'reply' | 'full' | 'overfull'

/** As many as may be, one fewer, and more; some of them are written twice, as one tag. */
function manyTags(form: 'full' | 'overfull', random: Random): string[] {
  const count = random.pick(form === 'full' ? [199, 200, 200] : [201, 201, 230])
  const own = [random.pick(TAGS), random.pick(TAGS)]
  const tags = new Set(own)
  for (let n = 0; tags.size < count; n += 1) {
    tags.add(`many${n}`)
  }
  const twice = random.chance(0.5) ? ['many0', 'many1', ...own] : []
  return [...tags, ...twice.map((tag) => spelled(tag, random))]
}

/** The fields of a post; `createdAt` is set by the caller. */
export function postFields(form: PostForm, random: Random): RecordFields {
  const isMany = form === 'full' || form === 'overfull'
  const tags = isMany ? manyTags(form, random) : form === 'untagged' ? [] : pickTags(random)
  const inText = tags.filter(() => random.chance(0.7))
  const { text, facets } = withHashtags('An invented post', inText)
  const noTag = random.chance(0.1) ? [random.pick(NO_TAGS)] : []
  const beside = [...noTag, ...tags.filter((tag) => !inText.includes(tag))]
  const values = random.chance(0.25) ? [{ val: random.pick(LABELS) }] : []
  return {
    embed: random.pick(EMBEDS),
    facets: random.chance(0.05) ? [null, { features: 'none' }, ...facets] : facets,
    labels: random.chance(0.03) ? 'porn' : { values },
    langs: random.pick(LANGUAGES),
    ...(form === 'reply' && { reply: random.pick([{ root: REF, parent: REF }, {}, '']) }),
    ...(form !== 'reply' && random.chance(0.1) && { reply: null }),
    ...(beside.length > 0 && { tags: beside }),
    text,
  }
}
