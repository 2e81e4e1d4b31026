/**
 * An endless, seeded stream of plausible Jetstream v1 events by invented accounts, in the mix and
 * the sizes that the real network shows (69 % likes, 11 % posts, about 550 bytes an event).
 *
 * What holds of every stream: `time_us` and each account's `rev` strictly increase; a record is
 * created once; an update or a delete names a record that exists; an account that is inactive or
 * deleted writes nothing. Memory is bounded: only the latest posts and records are remembered, and
 * a deleted account's place is taken by a fresh one.
 */
import {
  accountEvent,
  datetime,
  deleteRecord,
  did,
  fakeBlobCid,
  fakeCid,
  identityEvent,
  tid,
  withHashtags,
  writeRecord,
} from './events.ts'
import type { CommitEvent, JetstreamEvent, RecordFields, StrongRef } from './events.ts'

/** Parts of a hundred; they need not add up, each counts against the sum. */
const KIND_SHARES = {
  like: 69,
  post: 11,
  repost: 10,
  follow: 4,
  delete: 3,
  update: 1.2,
  block: 0.6,
  identity: 0.6,
  account: 0.6,
}
type StreamKind = keyof typeof KIND_SHARES

export interface StreamOptions {
  /** Same seed and options, same stream. */
  readonly seed?: number
  /** Unix microseconds of the first event. */
  readonly startUs?: number
  /** In the stream's own time; events are produced as fast as they are asked for. */
  readonly eventsPerSecond?: number
  readonly accounts?: number
  /** How many posts stay in reach of likes, replies, updates and deletes. */
  readonly rememberedPosts?: number
  readonly shares?: Partial<Record<StreamKind, number>>
  /** The part of the posts, 0 to 1, that are root posts with tags. */
  readonly taggedShare?: number
}

/** One frame of the wire. */
export interface StreamFrame {
  readonly timeUs: number
  readonly data: string
}

export interface Random {
  /** At least 0, below 1. */
  next(): number
  /** A whole number, at least 0, below `limit`. */
  below(limit: number): number
  chance(probability: number): boolean
  /** @throws RangeError for an empty list. */
  pick<T>(list: readonly T[]): T
}

/** Mulberry32: small, fast, and the same on every machine. */
export function createRandom(seed: number): Random {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  const pick = <T>(list: readonly T[]): T => {
    const index = below(list.length)
    if (index >= list.length) {
      throw new RangeError('nothing to pick from')
    }
    return list[index] as T
  }
  return { next, below, pick, chance: (probability) => next() < probability }
}

type Sampler<T> = (random: Random) => T

/** Draws each value as often as its weight says. */
function weighted<T>(entries: readonly (readonly [T, number])[]): Sampler<T> {
  const values = entries.map(([value]) => value)
  let total = 0
  const bounds = Float64Array.from(entries, ([, weight]) => (total += weight))
  return (random) => {
    const point = random.next() * total
    let [low, high] = [0, bounds.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((bounds[middle] ?? 0) > point) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return values[low] as T
  }
}

const COMMON_TAGS =
  'art artwork photography cats digitalart nsfw nature music cat gaming dogs illustration birds ' +
  'oc anime writing books fanart caturday sketch comics landscape travel indiedev history pixelart ' +
  'イラスト 写真 猫 науката café StarTrek 1a c++ $TSLA'
const SYLLABLES = 'ka lo mi ren tu sa vel no pri da shu em tor li qua be fen ost ya gri'.split(' ')
const vocabulary = createRandom(20_260_704)
const invent = (length: number): string =>
  Array.from({ length }, () => vocabulary.pick(SYLLABLES)).join('')
const TAGS = [...COMMON_TAGS.split(' '), ...Array.from({ length: 960 }, () => invent(3))]
const WORDS = Array.from({ length: 600 }, () => invent(1 + vocabulary.below(3)))
const KANA = Array.from(
  'あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめも今日見好人',
)

const sampleTag = weighted(TAGS.map((tag, rank) => [tag, 1 / (rank + 1)] as const))
const sampleLangs = weighted<readonly string[] | undefined>([
  [['en'], 55],
  [['ja'], 14],
  [['pt'], 7],
  [['de'], 5],
  [['es'], 4],
  [['en-US'], 3],
  [['fr'], 3],
  [['ko'], 2],
  [['en', 'de'], 1],
  [undefined, 6],
])
const MEDIA = ['images', 'images', 'images', 'images', 'images', 'video', 'gallery'] as const
const sampleEmbed = weighted<'none' | 'media' | 'external' | 'record' | 'recordWithMedia'>([
  ['none', 52],
  ['media', 24],
  ['external', 13],
  ['record', 8],
  ['recordWithMedia', 3],
])
const ADULT_LABELS = ['porn', 'sexual', 'nudity', 'graphic-media']

interface OwnRecord {
  readonly slot: number
  readonly did: string
  readonly collection: string
  readonly rkey: string
}

interface Post extends OwnRecord {
  readonly ref: StrongRef
  readonly reply: RecordFields | undefined
  readonly root: StrongRef
  /** Of several posts the most appealing is liked: so a few get much and most get little. */
  readonly appeal: number
}

/** Keeps the latest `capacity` items. */
class Recent<T> {
  readonly #slots: (T | undefined)[] = []
  readonly #capacity: number
  #added = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  add(item: T): void {
    this.#slots[this.#added % this.#capacity] = item
    this.#added += 1
  }

  /** The newer the likelier; `undefined` if that place is empty. */
  sample(random: Random): T | undefined {
    const age = Math.floor(this.#slots.length * random.next() ** 3)
    return this.#slots[this.#indexAt(age)]
  }

  /** Like `sample`, and takes out what it gives; `fits` says which items may be taken. */
  take(random: Random, fits: (item: T) => boolean): T | undefined {
    const index = this.#indexAt(random.below(Math.min(this.#slots.length, 2_000)))
    const item = this.#slots[index]
    if (item === undefined || !fits(item)) {
      return undefined
    }
    this.#slots[index] = undefined
    return item
  }

  #indexAt(age: number): number {
    return (this.#added - 1 - age + this.#capacity) % this.#capacity
  }
}

/** The invented network: what its accounts have done so far, and what comes next. */
class Network {
  readonly #random: Random
  readonly #seed: number
  readonly #meanGapUs: number
  readonly #taggedShare: number
  readonly #sampleKind: Sampler<StreamKind>
  readonly #accounts: string[]
  readonly #inactive = new Set<number>()
  readonly #posts: Recent<Post>
  readonly #reposts = new Recent<StrongRef>(2_000)
  readonly #records = new Recent<OwnRecord>(10_000)
  #accountsMade: number
  #cidsMade = 0
  #timeUs: number
  #seq = 30_000_000_000

  constructor(options: StreamOptions) {
    this.#seed = options.seed ?? 1
    this.#random = createRandom(this.#seed)
    this.#timeUs = options.startUs ?? Date.UTC(2026, 6, 4, 14) * 1000
    this.#meanGapUs = Math.max(1, 1_000_000 / (options.eventsPerSecond ?? 350))
    this.#taggedShare = options.taggedShare ?? 0.11
    const shares = Object.entries({ ...KIND_SHARES, ...options.shares })
    this.#sampleKind = weighted(shares as [StreamKind, number][])
    this.#accountsMade = options.accounts ?? 20_000
    this.#accounts = Array.from({ length: this.#accountsMade }, (_, n) => did(n))
    this.#posts = new Recent(options.rememberedPosts ?? 50_000)
  }

  next(): JetstreamEvent {
    const event = this.#event(this.#sampleKind(this.#random))
    this.#timeUs += 1 + Math.floor(-Math.log(1 - this.#random.next()) * (this.#meanGapUs - 1))
    return event
  }

  #event(kind: StreamKind): JetstreamEvent {
    switch (kind) {
      case 'like':
      case 'repost':
        return this.#engage(kind)
      case 'post':
        return this.#post(this.#writer())
      case 'follow':
      case 'block':
        return this.#write(this.#writer(), `app.bsky.graph.${kind}`, {
          createdAt: this.#createdAt(),
          subject: this.#random.pick(this.#accounts),
        })
      case 'delete':
        return this.#delete()
      case 'update':
        return this.#random.chance(0.5) ? this.#updatePost() : this.#updateProfile()
      case 'identity':
        return identityEvent({ ...this.#upstream(), did: this.#random.pick(this.#accounts) })
      case 'account':
        break
    }
    return this.#account()
  }

  /** An active account; the first ones write far more than the rest. */
  #writer(): number {
    for (;;) {
      const slot = Math.floor(this.#accounts.length * this.#random.next() ** 2)
      if (!this.#inactive.has(slot)) {
        return slot
      }
    }
  }

  #isActive = (record: OwnRecord): boolean =>
    this.#accounts[record.slot] === record.did && !this.#inactive.has(record.slot)

  #cid(): string {
    this.#cidsMade += 1
    return fakeCid(`${this.#seed}/${this.#cidsMade}`)
  }

  #blob(mimeType: string, size: number): RecordFields {
    const $link = fakeBlobCid(`${this.#seed}/${this.#cidsMade}/${this.#random.next()}`)
    return { $type: 'blob', ref: { $link }, mimeType, size: 2_000 + this.#random.below(size) }
  }

  #commitOptions(slot: number) {
    const owner = this.#accounts[slot] ?? ''
    return { did: owner, timeUs: this.#timeUs, rev: tid(this.#timeUs - 20_000, slot) }
  }

  #upstream() {
    this.#seq += 1
    return { timeUs: this.#timeUs, seq: this.#seq, time: datetime(this.#timeUs - 150_000) }
  }

  #write(slot: number, collection: string, record: RecordFields): CommitEvent {
    const rkey = tid(this.#timeUs - 50_000, slot)
    const options = { ...this.#commitOptions(slot), rkey, cid: this.#cid() }
    if (collection !== 'app.bsky.feed.post') {
      this.#records.add({ slot, did: options.did, collection, rkey })
    }
    return writeRecord('create', collection, options, record)
  }

  /** The author's clock: mostly a second behind, seldom ahead, now and then an old import. */
  #createdAt(): string {
    const random = this.#random
    const lateUs = 250_000 - Math.log(1 - random.next()) * 700_000
    const roll = random.next()
    if (roll < 0.005) {
      return datetime(this.#timeUs + random.next() * 37_000_000)
    }
    return datetime(this.#timeUs - (roll > 0.998 ? lateUs * 1_000_000 : lateUs))
  }

  #popular(): Post | undefined {
    let best: Post | undefined
    for (let candidates = 0; candidates < 3; candidates += 1) {
      const post = this.#posts.sample(this.#random)
      best = post !== undefined && post.appeal > (best?.appeal ?? -1) ? post : best
    }
    return best
  }

  #engage(kind: 'like' | 'repost'): CommitEvent {
    const post = this.#popular()
    if (post === undefined) {
      return this.#post(this.#writer())
    }
    const via = this.#random.chance(0.18) ? this.#reposts.sample(this.#random) : undefined
    const record = { createdAt: this.#createdAt(), subject: post.ref, ...(via && { via }) }
    const event = this.#write(this.#writer(), `app.bsky.feed.${kind}`, record)
    if (kind === 'repost') {
      const { rkey, cid = '' } = event.commit
      this.#reposts.add({ uri: `at://${event.did}/app.bsky.feed.repost/${rkey}`, cid })
    }
    return event
  }

  #post(slot: number): CommitEvent {
    const isTagged = this.#random.chance(this.#taggedShare)
    const parent = !isTagged && this.#random.chance(0.55) ? this.#popular() : undefined
    const reply = parent && { parent: parent.ref, root: parent.root }
    const event = this.#write(slot, 'app.bsky.feed.post', this.#postRecord(isTagged, reply))
    const { collection, rkey, cid = '' } = event.commit
    const ref = { uri: `at://${event.did}/${collection}/${rkey}`, cid }
    const root = parent?.root ?? ref
    const appeal = this.#random.next()
    this.#posts.add({ slot, did: event.did, collection, rkey, ref, reply, root, appeal })
    return event
  }

  /** The same place in the same thread, with other words, and with tags or without. */
  #updatePost(): CommitEvent {
    const post = this.#posts.take(this.#random, this.#isActive)
    if (post === undefined) {
      return this.#updateProfile()
    }
    const isTagged = post.reply === undefined && this.#random.chance(0.5)
    const options = { ...this.#commitOptions(post.slot), rkey: post.rkey, cid: this.#cid() }
    this.#posts.add({ ...post, ref: { uri: post.ref.uri, cid: options.cid } })
    return writeRecord('update', post.collection, options, this.#postRecord(isTagged, post.reply))
  }

  #updateProfile(): CommitEvent {
    const options = { ...this.#commitOptions(this.#writer()), rkey: 'self', cid: this.#cid() }
    return writeRecord('update', 'app.bsky.actor.profile', options, {
      avatar: this.#blob('image/jpeg', 900_000),
      description: this.#words(12),
      displayName: this.#words(2),
    })
  }

  #delete(): CommitEvent {
    const recent = this.#random.chance(0.25) ? this.#posts : this.#records
    const gone = recent.take(this.#random, this.#isActive)
    if (gone === undefined) {
      return this.#engage('like')
    }
    return deleteRecord(gone.collection, { ...this.#commitOptions(gone.slot), rkey: gone.rkey })
  }

  #account(): JetstreamEvent {
    const [waiting] = this.#inactive
    if (waiting !== undefined && this.#random.chance(0.5)) {
      this.#inactive.delete(waiting)
      return accountEvent({ ...this.#upstream(), did: this.#accounts[waiting] ?? '' })
    }
    const slot = this.#writer()
    const options = { ...this.#upstream(), did: this.#accounts[slot] ?? '' }
    if (this.#inactive.size > this.#accounts.length / 2 || this.#random.chance(0.6)) {
      return accountEvent(options)
    }
    const status = this.#random.pick(['deactivated', 'deactivated', 'takendown', 'deleted'])
    if (status === 'deleted') {
      this.#accounts[slot] = did(this.#accountsMade)
      this.#accountsMade += 1
    } else {
      this.#inactive.add(slot)
    }
    return accountEvent({ ...options, active: false, status })
  }

  #words(count: number): string {
    return Array.from({ length: count }, () => this.#random.pick(WORDS)).join(' ')
  }

  #postRecord(isTagged: boolean, reply: RecordFields | undefined): RecordFields {
    const random = this.#random
    const langs = sampleLangs(random)
    // Replies carry tags too, now and then: a reader that forgets to look at `reply` shows it.
    const tags = isTagged || (reply !== undefined && random.chance(0.02)) ? this.#tags() : []
    const length = 3 + random.below(reply === undefined ? 52 : 44)
    // With its tags a text stays within the 300 characters that Bluesky allows.
    const body = (langs?.[0] === 'ja' ? this.#kana(length * 2) : this.#words(length)).slice(0, 230)
    const areHidden = tags.length > 0 && random.chance(0.1)
    const { text, facets } = withHashtags(body, areHidden ? [] : tags)
    const embed = this.#embed(isTagged, reply !== undefined)
    const isAdult = tags.includes('nsfw') ? random.chance(0.6) : random.chance(0.02)
    return {
      createdAt: random.chance(0.06) ? this.#createdAt().replace('Z', '+00:00') : this.#createdAt(),
      ...(embed && { embed }),
      ...(facets.length > 0 && { facets }),
      ...(isAdult && {
        labels: {
          $type: 'com.atproto.label.defs#selfLabels',
          values: [{ val: random.pick(ADULT_LABELS) }],
        },
      }),
      ...(langs && { langs }),
      ...(reply && { reply }),
      ...(areHidden && { tags }),
      text,
    }
  }

  #kana(length: number): string {
    return Array.from({ length }, () => this.#random.pick(KANA)).join('')
  }

  /** One to five, most posts one or two; letters as their authors happen to type them. */
  #tags(): string[] {
    const tags = new Set<string>()
    do {
      const tag = sampleTag(this.#random)
      const roll = this.#random.next()
      const capitalised = tag.charAt(0).toUpperCase() + tag.slice(1)
      tags.add(roll < 0.05 ? tag.toUpperCase() : roll < 0.25 ? capitalised : tag)
    } while (tags.size < 5 && this.#random.chance(0.6))
    return [...tags]
  }

  #embed(isTagged: boolean, isReply: boolean): RecordFields | undefined {
    if (isReply && this.#random.chance(0.75)) {
      return undefined
    }
    const kind = isTagged && this.#random.chance(0.4) ? 'media' : sampleEmbed(this.#random)
    if (kind === 'media') {
      return this.#media()
    }
    if (kind === 'external') {
      return this.#external()
    }
    const quoted = kind === 'none' ? undefined : this.#popular()
    if (quoted === undefined) {
      return undefined
    }
    const record = { $type: 'app.bsky.embed.record', record: quoted.ref }
    return kind === 'record'
      ? record
      : { $type: 'app.bsky.embed.recordWithMedia', media: this.#media(), record }
  }

  #external(): RecordFields {
    const uri = `https://${this.#random.pick(WORDS)}.example/${this.#random.below(1_000_000)}`
    const thumb = this.#blob('image/jpeg', 300_000)
    const external = { description: this.#words(12), thumb, title: this.#words(6), uri }
    return { $type: 'app.bsky.embed.external', external }
  }

  #media(): RecordFields {
    const kind = this.#random.pick(MEDIA)
    const aspectRatio = { height: 1_350, width: 1_080 }
    if (kind === 'video') {
      return { $type: 'app.bsky.embed.video', aspectRatio, video: this.#blob('video/mp4', 2e7) }
    }
    const count = 1 + Math.floor(this.#random.next() ** 3 * (kind === 'gallery' ? 10 : 4))
    const pictures = Array.from({ length: count }, () => ({
      ...(kind === 'gallery' && { $type: 'app.bsky.embed.gallery#image' }),
      alt: this.#random.chance(0.4) ? this.#words(8) : '',
      aspectRatio,
      image: this.#blob('image/jpeg', 900_000),
    }))
    return kind === 'gallery'
      ? { $type: 'app.bsky.embed.gallery', items: pictures }
      : { $type: 'app.bsky.embed.images', images: pictures }
  }
}

/** Never ends: take as many as needed. */
export function* generateEvents(options: StreamOptions = {}): Generator<JetstreamEvent, never> {
  const network = new Network(options)
  for (;;) {
    yield network.next()
  }
}

/** The first `count` of a stream; the generator is spent after that. */
export function take<T>(count: number, stream: Iterable<T>): T[] {
  const taken: T[] = []
  for (const item of count > 0 ? stream : []) {
    taken.push(item)
    if (taken.length >= count) {
      break
    }
  }
  return taken
}

/** The same stream as it goes over the wire. */
export function* generateFrames(options: StreamOptions = {}): Generator<StreamFrame, never> {
  for (const event of generateEvents(options)) {
    yield { timeUs: event.time_us, data: JSON.stringify(event) }
  }
  throw new Error('the stream has no end')
}
