/** What the demo's stand-in for the AppView says of the posts of the simulated stream. */
import { createHash } from 'node:crypto'
import { withHashtags } from './events.ts'
import type { CommitEvent, RecordFields } from './events.ts'

const GIVEN =
  'Mira Jonas Aiko Tomás Lena Priya Sami Noor Elif Bruno Yuki Clara Idris Wren Hana Oskar Maya Teo Ines Ravi Ada Kofi Lucia Finn'.split(
    ' ',
  )
const FAMILY =
  'Holt Sato Lindqvist Okafor Vega Marsh Novak Reyes Abebe Kowalski Tan Fischer Duarte Moss Park Bianchi Sol Haddad Byrne Kim'.split(
    ' ',
  )
const LINES = [
  'Finished this one late last night. The blue took three tries.',
  'Morning light through the kitchen window, five minutes before the rain.',
  'Work in progress. I still do not know what the sky should do.',
  'She has decided that the box is better than what came in it.',
  'Small study, an hour, no undo.',
  'Does anybody know what this bird is? Seen by the canal at noon.',
  'New chapter is up. It is the one with the lighthouse.',
  'Two years ago I could not draw hands. Here are some hands.',
  'We shipped the demo! It crashes only on Tuesdays.',
  'Low tide, nobody there, and a very serious heron.',
  'A sketch from the train. The man opposite slept through all of it.',
  'Today I learned that octopuses taste with their arms.\n\nI have questions.',
  'Commissions are open again, three slots for this month.',
  'Film finally came back from the lab. Half of it is fog and I love it.',
  'The cat has opinions about the new chair.',
  'First snow. Took the long way home.',
  'Trying a limited palette: four colours and a lot of patience.',
  'The level editor has an undo button now, after only eleven months.',
]
const JAPANESE = [
  '新しいイラストを描きました。青がむずかしかったです。',
  '今日の空がきれいだったので、少しだけ写真を撮りました。',
  '落書きです。あとで色を塗ります。',
  '猫が箱から出てきません。',
]
const ALTS = [
  'A harbour in the evening, seen from a hill',
  'A cat asleep in a cardboard box',
  'A page of pencil sketches of hands',
  'Hills in fog, one tree in front',
  'A street after rain, lights mirrored in it',
]

function numberOf(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE(0)
}

function pick<T>(list: readonly T[], seed: string): T {
  return list[numberOf(seed) % list.length] as T
}

/** A `postView` with an invented author, text and pictures for a post of the stream. */
export function inventView(uri: string, { record, counts }: KnownPost, baseUrl: string): object {
  const did = uri.split('/')[2] ?? ''
  const tags = tagsOf(record)
  const isJapanese = JSON.stringify(record['langs'] ?? []).includes('ja')
  const line = pick(isJapanese ? JAPANESE : LINES, uri)
  return {
    uri,
    cid: 'bafyreiaaaa',
    author: inventAuthor(did, baseUrl),
    record: { ...record, ...withHashtags(line, tags) },
    embed: inventEmbed(record['embed'], uri, baseUrl),
    ...counts,
    labels: [],
  }
}

function inventAuthor(did: string, baseUrl: string): object {
  const [given, family] = [pick(GIVEN, `${did}a`), pick(FAMILY, `${did}b`)]
  const handle = `${given}${family}.demo.example`.normalize('NFD').replaceAll(/[^\w.]/gu, '')
  return {
    did,
    handle: handle.toLowerCase(),
    displayName: numberOf(did) % 9 === 0 ? '' : `${given} ${family}`,
    avatar: `${baseUrl}/avatar/${did.slice(-8)}.svg`,
    labels: numberOf(did) % 23 === 0 ? [{ val: '!no-unauthenticated', src: did, uri: did }] : [],
  }
}

function tagsOf({ facets }: RecordFields): string[] {
  const named = [...JSON.stringify(facets ?? []).matchAll(/"tag":"([^"\\]+)"/gu)]
  return [...new Set(named.map(([, tag = '']) => tag))]
}

function inventEmbed(embed: unknown, uri: string, baseUrl: string): object | undefined {
  const { $type, external, media } = (embed ?? {}) as Record<string, unknown>
  const kind = typeof $type === 'string' ? ($type.split('.').at(-1) ?? '') : ''
  const picture = (index: number): object => {
    const isTall = numberOf(`${uri}${index}tall`) % 3 === 0
    const thumb = `${baseUrl}/picture/${isTall ? 'tall' : 'wide'}/${uri.slice(-10)}${index}.svg`
    const aspectRatio = isTall ? { width: 1080, height: 1350 } : { width: 1600, height: 1067 }
    return { thumb, fullsize: thumb, alt: pick(ALTS, `${uri}${index}`), aspectRatio }
  }
  switch (kind) {
    case 'images':
    case 'gallery': {
      const count = [1, 1, 1, 2, 3, 4][numberOf(uri) % 6] ?? 1
      const images = Array.from({ length: count }, (_, index) => picture(index))
      return { $type: 'app.bsky.embed.images#view', images }
    }
    case 'video': {
      const { thumb, ...rest } = picture(0) as { thumb: string }
      return { $type: 'app.bsky.embed.video#view', thumbnail: thumb, ...rest }
    }
    case 'external': {
      const { uri: url } = external as { uri: string }
      const title = 'How the tide tables were made'
      const description = 'A long read about brass machines, patience, and the moon.'
      const { thumb } = picture(0) as { thumb: string }
      const shown = { uri: url, title, description, thumb }
      return { $type: 'app.bsky.embed.external#view', external: shown }
    }
    case 'recordWithMedia':
      return inventEmbed(media, uri, baseUrl)
    default:
      return undefined
  }
}

/** Hills, a sky and a sun, or a face for an author, in colours of the path. */
export function drawPicture(path: string): string {
  const seed = numberOf(path)
  const hue = seed % 360
  const colour = (shift: number, light: number): string =>
    `hsl(${(hue + shift) % 360} 42% ${light}%)`
  if (path.startsWith('/avatar/')) {
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" fill="${colour(0, 55)}"/><circle cx="20" cy="16" r="7" fill="${colour(40, 85)}"/><path d="M6 40a14 14 0 0 1 28 0z" fill="${colour(40, 85)}"/></svg>`
  }
  const [width, height] = path.includes('/tall/') ? [1080, 1350] : [1600, 1067]
  const hill = (at: number, shift: number): string => {
    const [a, b, c] = [(seed >> shift) % 300, (seed >> (shift + 3)) % 300, (seed >> 7) % 300]
    const top = height * at
    return `M0 ${height}V${top + a - 150}C${width / 3} ${top - b} ${width / 2} ${top + c} ${width} ${top - a / 2}V${height}z`
  }
  const sun = `<circle cx="${width * (0.2 + (seed % 60) / 100)}" cy="${height * 0.3}" r="${height / 12}" fill="${colour(30, 92)}"/>`
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">` +
    `<defs><linearGradient id="s" x1="0" x2="0" y1="0" y2="1"><stop stop-color="${colour(0, 62)}"/><stop offset="1" stop-color="${colour(50, 84)}"/></linearGradient></defs>` +
    `<rect width="${width}" height="${height}" fill="url(#s)"/>${sun}` +
    `<path d="${hill(0.6, 2)}" fill="${colour(70, 52)}"/><path d="${hill(0.72, 5)}" fill="${colour(85, 40)}"/><path d="${hill(0.86, 8)}" fill="${colour(100, 27)}"/></svg>`
  )
}

const MAX_RECORDS = 100_000

interface KnownPost {
  readonly record: RecordFields
  /** By the names that a `postView` has for them. */
  readonly counts: Record<string, number>
}

/** The latest posts of the stream and what came for them, for the AppView of the demo. */
export class KnownPosts {
  readonly #posts = new Map<string, KnownPost>()

  get(uri: string): KnownPost | undefined {
    return this.#posts.get(uri)
  }

  note(data: string): void {
    const { did, commit } = JSON.parse(data) as Partial<CommitEvent>
    const { collection, rkey, record } = commit ?? {}
    if (record === undefined) {
      return
    }
    const { subject, reply } = record as Record<string, { uri?: string; root?: { uri: string } }>
    if (collection === 'app.bsky.feed.like') {
      this.#count(subject?.uri, 'likeCount')
    } else if (collection === 'app.bsky.feed.repost') {
      this.#count(subject?.uri, 'repostCount')
    } else if (collection === 'app.bsky.feed.post') {
      this.#count(reply?.root?.uri, 'replyCount')
      this.#posts.set(`at://${did}/${collection}/${rkey}`, { record, counts: {} })
      const [oldest] = this.#posts.keys()
      if (this.#posts.size > MAX_RECORDS && oldest !== undefined) {
        this.#posts.delete(oldest)
      }
    }
  }

  #count(uri: string | undefined, name: string): void {
    const counts = this.#posts.get(uri ?? '')?.counts
    if (counts !== undefined) {
      counts[name] = (counts[name] ?? 0) + 1
    }
  }
}
