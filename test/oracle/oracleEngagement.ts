/**
 * What accounts of the oracle's stream do for posts of others. It is decided what of it counts: the
 * post is kept well before, whatever the order in which hosts tell of both, and a post for which
 * anything was done never begins anew under its key.
 */
import type { RecordFields, StrongRef } from '../support/events.ts'
import { fakeCid } from '../support/events.ts'
import type { Random } from '../support/streamGenerator.ts'
import { accountOf } from './oracleFeeds.ts'
import type { PostForm } from './oracleRecords.ts'

/** Longer than any frame of the stream is late. */
const SETTLED_US = 10_000_000

/** A post that is kept. */
interface Subject {
  readonly slot: number
  readonly rkey: string
  readonly keptUs: number
  isEngaged: boolean
}

export type SubjectKey = Pick<Subject, 'slot' | 'rkey'>

const uriOf = ({ slot, rkey }: SubjectKey): string =>
  `at://${accountOf(slot)}/app.bsky.feed.post/${rkey}`

/** The posts that are kept, in the order in which they came. */
export class Subjects {
  readonly #random: Random
  /** Those that engagement may be with, in the order in which they came. */
  #open: Subject[] = []
  readonly #kept = new Map<string, Subject>()
  readonly #gone: SubjectKey[] = []

  constructor(random: Random) {
    this.#random = random
  }

  /**
   * A root post with tags, for the first time or not. Nobody engages with one that stands beyond the
   * retention, since nobody can say whether that is remembered.
   */
  keep({ slot, rkey }: SubjectKey, keptUs: number, isExpired: boolean): void {
    const uri = uriOf({ slot, rkey })
    if (!this.#kept.has(uri)) {
      const subject = { slot, rkey, keptUs, isEngaged: false }
      this.#kept.set(uri, subject)
      if (!isExpired) {
        this.#open.push(subject)
      }
    }
  }

  /** Answers whether the record must not be created again. */
  drop(key: SubjectKey): boolean {
    const uri = uriOf(key)
    const subject = this.#kept.get(uri)
    if (subject === undefined) {
      return this.#gone.some((gone) => uriOf(gone) === uri)
    }
    this.#kept.delete(uri)
    this.#open = this.#open.filter((each) => each !== subject)
    if (!subject.isEngaged) {
      return false
    }
    this.#gone.push(subject)
    return true
  }

  /** All posts of an account are erased; answers whether a record of it must not be written again. */
  dropAccount(slot: number): (key: SubjectKey) => boolean {
    const own = [...this.#kept.values()].filter((subject) => subject.slot === slot)
    own.forEach((subject) => this.drop(subject))
    const final = new Set(own.filter(({ isEngaged }) => isEngaged).map(uriOf))
    return (key) => final.has(uriOf(key))
  }

  isKept(key: SubjectKey): boolean {
    return this.#kept.has(uriOf(key))
  }

  /** A few posts get much, most get little. */
  pick(nowUs: number): Subject | undefined {
    const index = Math.floor(this.#open.length * this.#random.next() ** 2)
    const subject = this.#open[index]
    if (subject === undefined || subject.keptUs > nowUs - SETTLED_US) {
      return undefined
    }
    subject.isEngaged = true
    return subject
  }

  /** What a like, a reply or a quote points at: mostly a post that is kept. */
  refer(nowUs: number): StrongRef | undefined {
    const subject = this.#random.chance(0.12) ? this.#unkept() : this.pick(nowUs)
    return subject && refTo(subject)
  }

  /** A post that is gone for good, or never was. */
  #unkept(): SubjectKey {
    const never = { slot: this.#random.below(50), rkey: `never${this.#random.below(1_000)}` }
    return this.#random.pick([never, ...this.#gone.slice(-5)])
  }
}

export function refTo(subject: SubjectKey): StrongRef {
  return { uri: uriOf(subject), cid: fakeCid(uriOf(subject)) }
}

/** In the place of a reference, and none. */
export function noReference({ uri, cid }: StrongRef, random: Random): unknown {
  return random.pick([
    undefined,
    null,
    7,
    uri,
    [{ uri, cid }],
    { cid },
    { uri: null, cid },
    { uri: [uri], cid },
    { uri: { uri }, cid },
    { uri: `${uri}/`, cid },
    { uri: `${uri}#part`, cid },
    { uri: ` ${uri}`, cid },
    { uri: uri.replace('at://', 'https://'), cid },
    { uri: uri.replace('at://', ''), cid },
    { uri: uri.replace('feed.post', 'feed.like'), cid },
    { uri: uri.replace(/at:\/\/[^/]+/, 'at://alice.example.com'), cid },
    { subject: { uri, cid } },
  ])
}

const MEDIA = { $type: 'app.bsky.embed.images' }
const RECORD = 'app.bsky.embed.record'
const WITH_MEDIA = 'app.bsky.embed.recordWithMedia'

/** Laid over the fields of a post: whom it answers and what it quotes, if anything. */
export function respond(
  form: PostForm,
  refer: () => StrongRef | undefined,
  random: Random,
): RecordFields {
  const root = form === 'reply' && random.chance(0.85) ? refer() : undefined
  const parent = root && (refer() ?? root)
  const quoted = random.chance(0.2) ? refer() : undefined
  return {
    ...(root && {
      reply: { root: random.chance(0.93) ? root : noReference(root, random), parent },
    }),
    ...(quoted && { embed: quote(quoted, random) }),
  }
}

function quote(ref: StrongRef, random: Random): unknown {
  const record = random.chance(0.95) ? ref : noReference(ref, random)
  const good = [
    { $type: RECORD, record },
    { $type: WITH_MEDIA, media: MEDIA, record: { $type: RECORD, record } },
    { $type: WITH_MEDIA, record: { record } },
  ]
  const bad = [
    { $type: WITH_MEDIA, media: MEDIA, record },
    { $type: WITH_MEDIA, media: { $type: RECORD, record } },
    { $type: RECORD, record: { record } },
    { $type: RECORD, record: [record] },
    { $type: 'app.bsky.embed.images', record },
    { record },
    [{ $type: RECORD, record }],
  ]
  return random.pick(random.chance(0.9) ? good : bad)
}
