/**
 * Builders of Jetstream v1 events with invented accounts. Everything is derived from the
 * arguments, so that the same call gives the same event in every run and on every machine.
 * Field order follows the real wire.
 */

export type RecordFields = Readonly<Record<string, unknown>>

export interface CommitEvent {
  readonly did: string
  readonly time_us: number
  readonly kind: 'commit'
  readonly commit: {
    readonly rev: string
    readonly operation: 'create' | 'update' | 'delete'
    readonly collection: string
    readonly rkey: string
    readonly record?: RecordFields
    readonly cid?: string
  }
}

export interface AccountEvent {
  readonly did: string
  readonly time_us: number
  readonly kind: 'account'
  readonly account: {
    readonly active: boolean
    readonly did: string
    readonly seq: number
    readonly status?: string
    readonly time: string
  }
}

export interface IdentityEvent {
  readonly did: string
  readonly time_us: number
  readonly kind: 'identity'
  readonly identity: {
    readonly did: string
    readonly handle?: string
    readonly seq: number
    readonly time: string
  }
}

export type JetstreamEvent = CommitEvent | AccountEvent | IdentityEvent

/** What a like, a repost, a reply or a quote points at. */
export interface StrongRef {
  readonly uri: string
  readonly cid: string
}

interface EventOptions {
  /** Unix microseconds, Jetstream's own time of the event. */
  readonly timeUs: number
  /** Default: the first invented account. */
  readonly did?: string
}

export interface CommitOptions extends EventOptions {
  /** Default: the TID of `timeUs`. */
  readonly rkey?: string
  /** Default: the TID of `timeUs`. */
  readonly rev?: string
  /** Default: made of the account, the path and the revision. Deletes have none. */
  readonly cid?: string
}

export interface PostOptions extends CommitOptions {
  /** Written into the text as hashtags, with a facet each. */
  readonly tags?: readonly string[]
  /** The text before the hashtags. */
  readonly text?: string
  /** Laid over the built record, so that any field can be set, spoilt or removed. */
  readonly record?: RecordFields
}

const SORTABLE = '234567abcdefghijklmnopqrstuvwxyz'
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const pairsOf = (alphabet: string): string[] =>
  Array.from(alphabet).flatMap((first) => Array.from(alphabet, (second) => first + second))
const SORTABLE_PAIRS = pairsOf(SORTABLE)
const BASE32_PAIRS = pairsOf(BASE32)

/** A valid TID; later microseconds sort later as text. @throws RangeError if `us` is no time. */
export function tid(us: number, clockId = 0): string {
  if (!Number.isSafeInteger(us) || us < 0) {
    throw new RangeError(`not a time in microseconds: ${us}`)
  }
  let text = SORTABLE_PAIRS[clockId & 1023] ?? ''
  let rest = us
  for (let pair = 0; pair < 5; pair += 1) {
    text = (SORTABLE_PAIRS[rest % 1024] ?? '') + text
    rest = Math.floor(rest / 1024)
  }
  return SORTABLE.charAt(rest) + text
}

/** Reversible, so that different numbers stay different. */
function mix(value: number): number {
  const once = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return (twice ^ (twice >>> 16)) >>> 0
}

/** Base32 characters that depend on every bit of both seeds. */
function noise(left: number, right: number, length: number): string {
  let text = ''
  for (let round = 1; text.length < length; round += 1) {
    const bits =
      mix(left + Math.imul(round, 0x9e3779b9)) ^ mix(right ^ Math.imul(round, 0x27d4eb2f))
    text += BASE32_PAIRS[bits & 1023] ?? ''
    text += BASE32_PAIRS[(bits >>> 10) & 1023] ?? ''
    text += BASE32_PAIRS[(bits >>> 20) & 1023] ?? ''
  }
  return text.slice(0, length)
}

/** Bytes 01 71 12 20 (or 01 55 12 20) and a digest, in base32 with correct padding bits. */
function cidOf(prefix: 'bafyrei' | 'bafkrei', seed: string | number): string {
  const text = String(seed)
  let left = 0x811c9dc5
  let right = 0x1b873593
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    left = Math.imul(left ^ code, 0x01000193)
    right = Math.imul(right ^ code, 0x5bd1e995) ^ (right >>> 15)
  }
  const [first, last] = [BASE32.charAt(mix(left) & 7), 'aeimquy4'.charAt(mix(right) & 7)]
  return prefix + first + noise(left, right, 50) + last
}

/** A CIDv1 of a record: well-formed, of no content. */
export const fakeCid = (seed: string | number): string => cidOf('bafyrei', seed)

/** A CIDv1 of a blob: well-formed, of no content. */
export const fakeBlobCid = (seed: string | number): string => cidOf('bafkrei', seed)

/** The `n`-th invented account; different for each `n` below 2^32. */
export function did(n: number): string {
  const mixed = mix(n)
  let unique = ''
  for (let shift = 0; shift < 32; shift += 5) {
    unique += BASE32.charAt((mixed >>> shift) & 31)
  }
  return `did:plc:${unique}${noise(mixed, n, 17)}`
}

/** The moment as a lexicon datetime, in milliseconds. */
export const datetime = (timeUs: number): string =>
  new Date(Math.floor(timeUs / 1000)).toISOString()

/** @throws Error for a delete, an account or an identity event: those leave nothing to point at. */
export function refTo(event: JetstreamEvent): StrongRef {
  if (event.kind !== 'commit' || event.commit.cid === undefined) {
    throw new Error(`no record in this ${event.kind} event`)
  }
  const { collection, rkey, cid } = event.commit
  return { uri: `at://${event.did}/${collection}/${rkey}`, cid }
}

/** The text with the tags written behind it, and the facets that mark them (UTF-8 offsets). */
export function withHashtags(
  text: string,
  tags: readonly string[],
): { text: string; facets: RecordFields[] } {
  let end = Buffer.byteLength(text)
  const facets = tags.map((tag) => {
    const byteStart = end + 1
    end = byteStart + 1 + Buffer.byteLength(tag)
    const features = [{ $type: 'app.bsky.richtext.facet#tag', tag }]
    return { features, index: { byteEnd: end, byteStart } }
  })
  return { text: text + tags.map((tag) => ` #${tag}`).join(''), facets }
}

/** A commit that writes `record`, its `$type` put in front. */
export function writeRecord(
  operation: 'create' | 'update',
  collection: string,
  options: CommitOptions,
  record: RecordFields,
): CommitEvent {
  const author = options.did ?? did(1)
  const rev = options.rev ?? tid(options.timeUs)
  const rkey = options.rkey ?? tid(options.timeUs)
  const cid = options.cid ?? fakeCid(`${author}/${collection}/${rkey}@${rev}`)
  const commit = { rev, operation, collection, rkey, record: { $type: collection, ...record }, cid }
  return { did: author, time_us: options.timeUs, kind: 'commit', commit }
}

/** A commit that removes a record; like the real one it says nothing of what was there. */
export function deleteRecord(collection: string, options: CommitOptions): CommitEvent {
  const rev = options.rev ?? tid(options.timeUs)
  const rkey = options.rkey ?? tid(options.timeUs)
  const commit = { rev, operation: 'delete', collection, rkey } as const
  return { did: options.did ?? did(1), time_us: options.timeUs, kind: 'commit', commit }
}

function writePost(operation: 'create' | 'update', options: PostOptions): CommitEvent {
  const { text, facets } = withHashtags(options.text ?? 'An invented post', options.tags ?? [])
  return writeRecord(operation, 'app.bsky.feed.post', options, {
    createdAt: datetime(options.timeUs),
    ...(facets.length > 0 && { facets }),
    langs: ['en'],
    text,
    ...options.record,
  })
}

export const createPost = (options: PostOptions): CommitEvent => writePost('create', options)

/** `rkey` names the post that is replaced. */
export const updatePost = (options: PostOptions & { readonly rkey: string }): CommitEvent =>
  writePost('update', options)

type Existing = CommitOptions & { readonly rkey: string }

export const deletePost = (options: Existing): CommitEvent =>
  deleteRecord('app.bsky.feed.post', options)

/** `via` is the repost through which the liker came. */
export type EngagementOptions = CommitOptions & {
  readonly subject: StrongRef
  readonly via?: StrongRef
}

function engage(collection: string, options: EngagementOptions): CommitEvent {
  const { subject, via } = options
  const createdAt = datetime(options.timeUs)
  return writeRecord('create', collection, options, { createdAt, subject, ...(via && { via }) })
}

export const like = (options: EngagementOptions): CommitEvent =>
  engage('app.bsky.feed.like', options)

export const deleteLike = (options: Existing): CommitEvent =>
  deleteRecord('app.bsky.feed.like', options)

export const repost = (options: EngagementOptions): CommitEvent =>
  engage('app.bsky.feed.repost', options)

/** `subject` is the DID that is followed. */
export const follow = (options: CommitOptions & { readonly subject: string }): CommitEvent =>
  writeRecord('create', 'app.bsky.graph.follow', options, {
    createdAt: datetime(options.timeUs),
    subject: options.subject,
  })

/** The upstream event's own number and time; by default both follow `timeUs`. */
interface UpstreamOptions extends EventOptions {
  readonly seq?: number
  readonly time?: string
}

/** Active unless told; `status` is written only when given, as on the real wire. */
export function accountEvent(
  options: UpstreamOptions & { readonly active?: boolean; readonly status?: string },
): AccountEvent {
  const { timeUs, status, active = true, seq = timeUs, time = datetime(timeUs) } = options
  const subject = options.did ?? did(1)
  const account = { active, did: subject, seq, ...(status !== undefined && { status }), time }
  return { did: subject, time_us: timeUs, kind: 'account', account }
}

/** Without a `handle` unless one is given, as on the real wire. */
export function identityEvent(
  options: UpstreamOptions & { readonly handle?: string },
): IdentityEvent {
  const { timeUs, handle, seq = timeUs, time = datetime(timeUs) } = options
  const subject = options.did ?? did(1)
  const identity = { did: subject, ...(handle !== undefined && { handle }), seq, time }
  return { did: subject, time_us: timeUs, kind: 'identity', identity }
}
