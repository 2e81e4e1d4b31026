/**
 * What the contract says that a stream leads to, as simply as it can be said: maps, one frame after
 * the other, no batches, no tables. It shares nothing with `src/`, so that a rule that was read wrong
 * is not read wrong twice. Tags are canonicalised only as far as the oracle's stream needs.
 */
import type { Frame } from '../support/jetstreamServer.ts'
import type { OracleFeed } from './oracleFeeds.ts'

type Json = Readonly<Record<string, unknown>>

/** What filters ask about a root post with tags. */
interface Facts {
  readonly tags: ReadonlySet<string>
  readonly media: 'image' | 'video' | 'link' | 'none'
  readonly languages: readonly string[]
  readonly labels: readonly string[]
}

interface PostState {
  readonly did: string
  readonly rev: string
  readonly isDeleted: boolean
  /** Of the first sight; there from then on for as long as the record lives. */
  readonly place: { readonly cid: string; readonly indexedAt: number } | undefined
  /** Undefined while it is a reply or without tags. */
  readonly facts: Facts | undefined
}

/** A like, repost or post, by what it does for posts. */
interface Engager {
  readonly did: string
  readonly rev: string
  readonly engages: readonly Engagement[]
}

interface Engagement {
  readonly kind: keyof Counts
  readonly uri: unknown
}

/** Distinct accounts by what they do for a post. */
export interface Counts {
  readonly likes: number
  readonly reposts: number
  readonly replies: number
  readonly quotes: number
}

/** A post of a ranking, and why it stands there. */
export interface RankedPost {
  readonly uri: string
  readonly counts: Counts
  readonly featured: boolean
  readonly authorRank: number
  readonly score: number
}

interface Row {
  readonly uri: string
  readonly did: string
  readonly cid: string
  readonly indexedAt: number
}

/** What is known of an account: its last word that counted, and what makes a later one. */
interface AccountState {
  readonly isActive: boolean
  /** The latest by each clock. */
  readonly eventUs: number
  readonly ownUs: number
  /** Of the latest eight frames that counted. */
  readonly words: readonly string[]
}

const POST = 'app.bsky.feed.post'
const MINUTE_US = 60_000_000
const MAX_TAGS = 200
const LATEST_WORDS = 8
const RETENTION_US = 30 * 24 * 60 * MINUTE_US

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const partsOf = (value: unknown): Json => (isObject(value) ? value : {})
const matches = (pattern: RegExp, value: unknown): value is string =>
  typeof value === 'string' && pattern.test(value)

/** The lexicon's datetime in microseconds; undefined when it is unreadable or does not exist. */
function readDatetime(value: unknown): number | undefined {
  const form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/
  const [, local = '', fraction = '', zone = ''] = form.exec(String(value)) ?? []
  const ms = Date.parse(`${local}Z`)
  // Of a day or an hour that does not exist, Date makes another one.
  const isReal = !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 19) === local
  if (typeof value !== 'string' || !isReal || local.startsWith('0000') || zone === '-00:00') {
    return undefined
  }
  const us = Date.parse(`${local}${zone}`) * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
  return Number.isNaN(us) ? undefined : Math.max(0, us)
}

function readTags(record: Json): Set<string> {
  const features = listOf(record['facets']).flatMap((facet) => listOf(partsOf(facet)['features']))
  const inText = features
    .map(partsOf)
    .filter(({ $type }) => $type === 'app.bsky.richtext.facet#tag')
    .map(({ tag }) => tag)
  const texts = [...inText, ...listOf(record['tags'])].filter((tag) => typeof tag === 'string')
  const tags = texts.map((tag) =>
    tag
      .normalize('NFKC')
      .replace(/^[\s#]+/, '')
      .trimEnd(),
  )
  return new Set(tags.map((tag) => tag.toLowerCase()).filter((tag) => tag && tag.length <= 64))
}

function readMedia(embed: unknown): Facts['media'] {
  const { $type, media } = partsOf(embed)
  switch ($type) {
    case 'app.bsky.embed.images':
    case 'app.bsky.embed.gallery':
      return 'image'
    case 'app.bsky.embed.video':
      return 'video'
    case 'app.bsky.embed.external':
      return 'link'
    case 'app.bsky.embed.recordWithMedia':
      return readMedia(media)
    default:
      return 'none'
  }
}

/** By the codes that the stream writes languages with; what is not here names itself. */
const LANGUAGES: Readonly<Record<string, string>> = {
  iw: 'he',
  heb: 'he',
  eng: 'en',
  jpn: 'ja',
  cmn: 'zh',
  zho: 'zh',
  por: 'pt',
  deu: 'de',
}

/** Undefined for what is no root post with tags, and for one with more than any client writes. */
function readFacts(record: Json): Facts | undefined {
  const tags = readTags(record)
  const isReply = record['reply'] !== undefined && record['reply'] !== null
  if (isReply || tags.size === 0 || tags.size > MAX_TAGS) {
    return undefined
  }
  const named = listOf(record['langs']).filter((lang) => typeof lang === 'string')
  const labels = listOf(partsOf(record['labels'])['values']).map((value) => partsOf(value)['val'])
  return {
    tags,
    media: readMedia(record['embed']),
    languages: named
      .map((lang) => lang.toLowerCase().split('-')[0] ?? '')
      .filter((lang) => /^[a-z]{2,3}$/.test(lang) && lang !== 'und')
      .map((lang) => LANGUAGES[lang] ?? lang),
    labels: labels.filter((label) => typeof label === 'string'),
  }
}

/** What a record does for which post. */
function readEngages(collection: unknown, record: Json): Engagement[] {
  const subject = partsOf(record['subject'])['uri']
  switch (collection) {
    case 'app.bsky.feed.like':
      return [{ kind: 'likes', uri: subject }]
    case 'app.bsky.feed.repost':
      return [{ kind: 'reposts', uri: subject }]
    case POST: {
      const root = partsOf(partsOf(record['reply'])['root'])
      const { $type, record: embedded } = partsOf(record['embed'])
      const isWithMedia = $type === 'app.bsky.embed.recordWithMedia'
      const isQuote = isWithMedia || $type === 'app.bsky.embed.record'
      const quoted = isWithMedia ? partsOf(embedded)['record'] : embedded
      return [
        { kind: 'replies', uri: root['uri'] },
        ...(isQuote ? [{ kind: 'quotes', uri: partsOf(quoted)['uri'] } as const] : []),
      ]
    }
    default:
      return []
  }
}

function belongs(feed: OracleFeed, did: string, facts: Facts): boolean {
  const { tags, media, languages, labels, authors, maxTags = Infinity } = feed
  const { any = [], all = [], none = [] } = tags
  const has = (tag: string): boolean => facts.tags.has(tag.replace('#', '').toLowerCase())
  const speaks = facts.languages.length > 0 ? facts.languages : ['und']
  return (
    (any.length === 0 || any.some(has)) &&
    all.every(has) &&
    !none.some(has) &&
    (media === undefined || media.includes(facts.media)) &&
    (languages === undefined ||
      speaks.some((own) => languages.some((wanted) => (LANGUAGES[wanted] ?? wanted) === own))) &&
    !facts.labels.some((label) => labels?.none.includes(label)) &&
    (authors?.only === undefined || authors.only.includes(did)) &&
    authors?.none?.includes(did) !== true &&
    facts.tags.size <= maxTags
  )
}

/** A frame that everybody understands, or undefined for a bad one. */
function readFrame({ data, binary }: Frame): Json | undefined {
  let event: unknown
  try {
    const isText = typeof data === 'string' || binary === false
    event = isText
      ? JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(data)))
      : 0
  } catch {
    return undefined
  }
  return isObject(event) && isGood(event) ? event : undefined
}

function isGood({ did, time_us: timeUs, kind, commit, account }: Json): boolean {
  if (!matches(/^did:[a-z]+:[\w.:%-]*[\w.-]$/, did) || !Number.isSafeInteger(timeUs)) {
    return false
  }
  if (kind === 'account') {
    const { active, did: whose } = partsOf(account)
    return Number(timeUs) > 0 && typeof active === 'boolean' && whose === did
  }
  if (kind !== 'commit') {
    return Number(timeUs) > 0
  }
  const { operation, collection, rkey, rev, record, cid } = partsOf(commit)
  const isPut = operation === 'create' || operation === 'update'
  return (
    Number(timeUs) > 0 &&
    (isPut || operation === 'delete') &&
    matches(/^[a-z]+(\.[a-zA-Z]+){2,}$/, collection) &&
    matches(/^(?!\.\.?$)[\w.:~-]{1,512}$/, rkey) &&
    matches(/^[2-7a-j][2-7a-z]{12}$/, rev) &&
    (!isPut || (isObject(record) && matches(/^[a-zA-Z0-9]{8,256}$/, cid)))
  )
}

const descending = (a: string | number, b: string | number): number => (a < b ? 1 : a > b ? -1 : 0)

export class OracleModel {
  readonly #nowUs: number
  readonly #pinned: readonly string[]
  readonly #posts = new Map<string, PostState>()
  readonly #engagers = new Map<string, Engager>()
  readonly #accounts = new Map<string, AccountState>()
  rejected = 0

  /** The clock stands still here: the stream has no event whose meaning depends on the second. */
  constructor(nowUs: number, feeds: readonly OracleFeed[]) {
    this.#nowUs = nowUs
    this.#pinned = feeds.flatMap(({ pinned = [] }) => pinned)
  }

  fold(frames: readonly Frame[]): this {
    for (const frame of frames) {
      const event = readFrame(frame)
      this.rejected += event === undefined ? 1 : 0
      if (event?.['kind'] === 'commit') {
        this.#commit(String(event['did']), Number(event['time_us']), partsOf(event['commit']))
      } else if (event?.['kind'] === 'account') {
        const timeUs = Math.min(Number(event['time_us']), frame.timeUs)
        this.#account(String(event['did']), timeUs, partsOf(event['account']))
      }
    }
    return this
  }

  /** What a walk over all pages of a feed must give, the pinned post first. */
  members(feed: OracleFeed): string[] {
    const posts = feed.trending === undefined ? this.#newest(feed) : this.ranking(feed)
    const pin = feed.pinned !== undefined && !this.#isGone(feed.pinned) ? [feed.pinned] : []
    return [...pin, ...posts.map(({ uri }) => uri).filter((uri) => uri !== feed.pinned)]
  }

  /** The posts of a trending feed; none when it is not one. */
  ranking(feed: OracleFeed): RankedPost[] {
    const {
      weights,
      authorDecay,
      featured = [],
      featuredBoost = 1.5,
      maxPosts,
    } = feed.trending ?? {}
    const counts = this.#counts()
    const none: Counts = { likes: 0, reposts: 0, replies: 0, quotes: 0 }
    const bestFirst = <T extends { score: number; at: number }>(a: T, b: T): number =>
      b.score - a.score || a.at - b.at
    const unpenalised = this.#newest(feed).map(({ uri, did }, at) => {
      const own = counts.get(uri) ?? none
      const isFeatured = featured.includes(uri) || featured.includes(did)
      const sum =
        own.likes * (weights?.likes ?? 1) +
        own.reposts * (weights?.reposts ?? 2) +
        own.replies * (weights?.replies ?? 2) +
        own.quotes * (weights?.quotes ?? 3)
      return {
        uri,
        did,
        at,
        counts: own,
        featured: isFeatured,
        score: sum * (isFeatured ? featuredBoost : 1),
      }
    })
    const before = new Map<string, number>()
    return unpenalised
      .toSorted(bestFirst)
      .map(({ did, ...post }) => {
        const rank = (before.get(did) ?? 0) + 1
        before.set(did, rank)
        return { ...post, authorRank: rank, score: post.score * (authorDecay ?? 0.5) ** (rank - 1) }
      })
      .sort(bestFirst)
      .slice(0, maxPosts ?? 1_000)
  }

  /** The visible posts of a feed in the order of time. */
  #newest(feed: OracleFeed): Row[] {
    const rows: Row[] = []
    for (const [uri, { did, place, facts }] of this.#posts) {
      const isShown = this.#isActive(did) && place && place.indexedAt >= this.#nowUs - RETENTION_US
      const isListed = feed.trending !== undefined || uri !== feed.pinned
      if (isShown && facts && isListed && belongs(feed, did, facts)) {
        rows.push({ uri, did, ...place })
      }
    }
    return rows.sort(
      (a, b) =>
        descending(a.indexedAt, b.indexedAt) ||
        descending(a.cid, b.cid) ||
        descending(a.uri, b.uri),
    )
  }

  /** By post, from all records as they are. */
  #counts(): Map<string, Counts> {
    const accounts = new Set<string>()
    const counts = new Map<string, Counts>()
    for (const { did, engages } of this.#engagers.values()) {
      for (const { kind, uri } of this.#isActive(did) ? engages : []) {
        const once = `${kind} ${String(uri)} ${did}`
        if (typeof uri === 'string' && !uri.startsWith(`at://${did}/`) && !accounts.has(once)) {
          accounts.add(once)
          const before = counts.get(uri) ?? { likes: 0, reposts: 0, replies: 0, quotes: 0 }
          counts.set(uri, { ...before, [kind]: before[kind] + 1 })
        }
      }
    }
    return counts
  }

  #isActive(did: string): boolean {
    return this.#accounts.get(did)?.isActive ?? true
  }

  #isGone(uri: string): boolean {
    return this.#posts.get(uri)?.isDeleted === true || !this.#isActive(uri.split('/')[2] ?? '')
  }

  #commit(did: string, timeUs: number, commit: Json): void {
    this.#engage(did, commit)
    const uri = `at://${did}/${POST}/${String(commit['rkey'])}`
    const before = this.#posts.get(uri)
    const rev = String(commit['rev'])
    if (commit['collection'] !== POST || (before !== undefined && before.rev >= rev)) {
      return
    }
    if (commit['operation'] === 'delete') {
      this.#posts.set(uri, { did, rev, isDeleted: true, place: undefined, facts: undefined })
      return
    }
    const record = partsOf(commit['record'])
    const facts = readFacts(record)
    const seenUs = timeUs > this.#nowUs + MINUTE_US ? this.#nowUs : timeUs
    const indexedAt = Math.min(readDatetime(record['createdAt']) ?? seenUs, seenUs)
    const first = facts && { cid: String(commit['cid']), indexedAt }
    this.#posts.set(uri, { did, rev, isDeleted: false, place: before?.place ?? first, facts })
  }

  #engage(did: string, commit: Json): void {
    const { collection, rkey, operation, record } = commit
    const uri = `at://${did}/${String(collection)}/${String(rkey)}`
    const rev = String(commit['rev'])
    if ((this.#engagers.get(uri)?.rev ?? '') < rev) {
      const engages = operation === 'delete' ? [] : readEngages(collection, partsOf(record))
      this.#engagers.set(uri, { did, rev, engages })
    }
  }

  /** `timeUs` is the event's, or now when that is ahead: a frame is read no earlier than it is filed. */
  #account(did: string, timeUs: number, { active, status, time }: Json): void {
    const unknown: AccountState = { isActive: true, eventUs: 0, ownUs: 0, words: [] }
    const state = this.#accounts.get(did) ?? unknown
    const { eventUs, ownUs, words } = state
    const toldUs = Math.min(readDatetime(time) ?? 0, timeUs)
    const word = JSON.stringify([time, active, status])
    const isLater = timeUs > eventUs || toldUs > ownUs
    if (words.includes(word)) {
      // Seen, but for nothing new.
      this.#accounts.set(did, { ...state, ownUs: Math.max(ownUs, toldUs) })
      return
    }
    if (!isLater) {
      return
    }
    this.#accounts.set(did, {
      isActive: active === true,
      eventUs: Math.max(eventUs, timeUs),
      ownUs: Math.max(ownUs, toldUs),
      words: [...words, word].slice(-LATEST_WORDS),
    })
    if (active === false && status === 'deleted') {
      for (const [uri, engager] of this.#engagers) {
        if (engager.did === did) {
          this.#engagers.set(uri, { ...engager, engages: [] })
        }
      }
      // Gone are also the posts that a feed shows without the stream having told of them.
      for (const uri of new Set([...this.#posts.keys(), ...this.#pinned])) {
        if (uri.startsWith(`at://${did}/`)) {
          const rev = this.#posts.get(uri)?.rev ?? ''
          this.#posts.set(uri, { did, rev, isDeleted: true, place: undefined, facts: undefined })
        }
      }
    }
  }
}
