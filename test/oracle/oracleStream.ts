/**
 * A seeded stream that does everything that a stream may do: posts that come, change, go and come
 * back; accounts and what they do for posts likewise; ties, repeats, stale and bad frames, wrong
 * clocks. What it holds to is what
 * Jetstream promises: the frames of an account come in their order. Across accounts they are out of
 * order by up to three seconds.
 */
import { accountEvent, deleteRecord, fakeCid } from '../support/events.ts'
import { identityEvent, tid, writeRecord } from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import type { Frame } from '../support/jetstreamServer.ts'
import { createRandom } from '../support/streamGenerator.ts'
import type { Random } from '../support/streamGenerator.ts'
import { accountNews, staleNews, unrelatedEvent } from './oracleAccounts.ts'
import type { AccountSay } from './oracleAccounts.ts'
import { badFrame } from './oracleBadFrames.ts'
import { Subjects, respond } from './oracleEngagement.ts'
import { ACCOUNTS, PINNED_RKEY, PINNED_SLOTS, accountOf } from './oracleFeeds.ts'
import { Marks } from './oracleMarks.ts'
import { createdAt, isAncient, pastMoment, postFields, writtenMoment } from './oracleRecords.ts'
import type { PostForm } from './oracleRecords.ts'

export interface OracleFrame extends Frame {
  /** The position is at least here once the frame is committed; 0 when it says nothing of that. */
  readonly reachesUs: number
}

export interface OracleStreamOptions {
  readonly seed: number
  readonly events: number
  /** All events lie in the 89 minutes before, but for those that are ahead of every clock. */
  readonly endUs: number
  /** Posts say themselves when they were made: hosts may tell different times of them. */
  readonly isDecided: boolean
}

/** The last frame is half a minute later than all that are not ahead of the clock. */
export function createOracleStream(options: OracleStreamOptions): OracleFrame[] {
  return new Network(options).run()
}

const POST = 'app.bsky.feed.post'
const SECOND_US = 1_000_000
const SPAN_US = 89 * 60 * SECOND_US
const DISORDER_US = 3 * SECOND_US
const DAY_US = 24 * 3_600 * SECOND_US

/** A record as the stream has last shown it. */
interface PostRecord {
  readonly slot: number
  readonly rkey: string
  readonly revUs: number
}

/** Some frames come once more, soon after; a share of them much later. */
function withRepeats(
  frames: readonly OracleFrame[],
  lateShare: number,
  random: Random,
): OracleFrame[] {
  const entries = frames.map((frame, place) => ({ frame, place }))
  const repeats = entries
    .filter(() => random.chance(0.02))
    .map(({ frame, place }) => {
      const within = random.chance(lateShare) ? frames.length / 5 : 6
      return { frame, place: place + 0.5 + random.below(within) }
    })
  return [...entries, ...repeats].sort((a, b) => a.place - b.place).map(({ frame }) => frame)
}

/** What posts have in common that only their accounts tell apart. */
interface Fixed {
  readonly cid: string
  readonly createdAt: string
}

class Network {
  readonly #random: Random
  readonly #options: OracleStreamOptions
  readonly #entries: { readonly place: number; readonly frame: OracleFrame }[] = []
  readonly #live: PostRecord[] = []
  readonly #gone: PostRecord[] = []
  /** Gone for good: what was done for them must not be done for others. */
  readonly #ended: PostRecord[] = []
  readonly #subjects: Subjects
  readonly #marks: Marks
  readonly #said = new Map<number, AccountSay>()
  readonly #revs = new Map<number, number>()
  readonly #places = new Map<number, number>()
  readonly #pinned = new Set<number>()
  readonly #ties: readonly number[]
  readonly #deck: readonly (() => void)[]
  #timeUs: number
  #count = 0

  constructor(options: OracleStreamOptions) {
    this.#options = options
    this.#random = createRandom(options.seed)
    this.#timeUs = options.endUs - SPAN_US
    this.#subjects = new Subjects(this.#random)
    this.#marks = new Marks({
      random: this.#random,
      subjects: this.#subjects,
      timeUs: () => this.#timeUs,
      eventUs: () => this.#eventUs(),
      newRkey: () => this.#newRkey(),
      nextRev: (slot) => this.#nextRev(slot),
      slot: () => this.#slot(),
      emit: (slot, event) => this.#emit(slot, event),
    })
    const tie = (): number => this.#timeUs - this.#random.below(3_600) * SECOND_US
    this.#ties = Array.from({ length: 12 }, tie)
    const shares: [number, () => void][] = [
      [47, () => this.#create()],
      [3, () => this.#twins()],
      [13, () => this.#rewrite('update', this.#live)],
      [2, () => this.#rewrite('create', this.#live)],
      [4, () => this.#rewrite('create', this.#gone)],
      [1, () => this.#rewrite('update', this.#gone)],
      [7, () => this.#delete(this.#take(this.#live))],
      [1, () => this.#delete(this.#newRecord())],
      [1, () => this.#deleteFirst()],
      [4, () => this.#stale()],
      [4, () => this.#account()],
      [1, () => this.#staleAccount()],
      [8, () => this.#unrelated()],
      [4, () => this.#bad()],
      ...this.#marks.shares,
    ]
    this.#deck = shares.flatMap(([share, act]) => Array.from({ length: share }, () => act))
  }

  run(): OracleFrame[] {
    const { events, endUs, isDecided } = this.#options
    const stepUs = SPAN_US / events
    const lastUs = endUs - 30 * SECOND_US
    while (this.#entries.length < events) {
      // Some share their moment with the one before.
      const waitUs = this.#random.chance(0.03) ? 0 : Math.floor(this.#random.next() * 2 * stepUs)
      this.#timeUs = Math.min(this.#timeUs + waitUs, lastUs)
      this.#random.pick(this.#deck)()
    }
    const frames = this.#entries.sort((a, b) => a.place - b.place).map(({ frame }) => frame)
    const last = identityEvent({ timeUs: endUs, did: accountOf(0) })
    const end = { timeUs: endUs, data: JSON.stringify(last), reachesUs: endUs }
    // What comes late makes the service go far back at its next connection, which hides all else.
    return [...withRepeats(frames, isDecided ? 0 : 0.03, this.#random), end]
  }

  #create(): void {
    const record = this.#newRecord()
    const isPinned = PINNED_SLOTS.includes(record.slot) && this.#random.chance(0.2)
    const rkey = isPinned && !this.#pinned.has(record.slot) ? PINNED_RKEY : record.rkey
    if (rkey === PINNED_RKEY) {
      this.#pinned.add(record.slot)
    }
    this.#put('create', { ...record, rkey })
  }

  /** One key, one moment, one cid: only the accounts say which comes first. */
  #twins(): void {
    const { slot, rkey } = this.#newRecord()
    const twin = {
      cid: this.#newCid(),
      createdAt: pastMoment(this.#timeUs - 30 * SECOND_US, this.#random),
    }
    for (const each of new Set([slot, this.#slot()])) {
      this.#put('create', { slot: each, rkey, revUs: this.#nextRev(each) }, twin)
    }
  }

  #rewrite(operation: 'create' | 'update', records: PostRecord[]): void {
    const record = this.#take(records)
    if (record !== undefined) {
      this.#put(operation, record)
    }
  }

  #delete(record: PostRecord | undefined): void {
    if (record !== undefined) {
      const isEnded = this.#subjects.drop(record)
      ;(isEnded ? this.#ended : this.#gone).push(record)
      this.#emit(record.slot, this.#deletion(record))
    }
  }

  /** The end of a record comes before its beginning: it never was. */
  #deleteFirst(): void {
    const record = this.#newRecord()
    this.#delete(record)
    this.#emit(record.slot, this.#writing('create', this.#older(record)))
  }

  /** A revision that the stream has left behind: nothing changes. */
  #stale(): void {
    const records = this.#random.pick([this.#live, this.#live, this.#gone, this.#ended])
    if (records.length > 0) {
      const record = this.#older(this.#random.pick(records))
      const isDeletion = this.#random.chance(0.4)
      this.#emit(record.slot, isDeletion ? this.#deletion(record) : this.#writing('create', record))
    }
  }

  #account(): void {
    const slot = this.#slot()
    this.#count += 1
    const now = { timeUs: this.#timeUs, seq: this.#count }
    const say = accountNews(this.#said.get(slot), now, this.#random)
    this.#said.set(slot, say)
    if (!say.active && say.status === 'deleted') {
      this.#erase(slot)
    }
    this.#emit(slot, this.#saying(slot, say))
  }

  /** An update makes a new post of an erased one, but not of one for which something was done. */
  #erase(slot: number): void {
    const isEnded = this.#subjects.dropAccount(slot)
    for (const record of this.#live.filter(isEnded)) {
      this.#live.splice(this.#live.indexOf(record), 1)
      this.#ended.push(record)
    }
  }

  #staleAccount(): void {
    const [slot, said] = this.#random.pick([...this.#said, [0, undefined] as const])
    if (said !== undefined) {
      this.#emit(slot, this.#saying(slot, staleNews(said, this.#random)))
    }
  }

  #unrelated(): void {
    const timeUs = this.#timeUs
    const options = { timeUs, did: accountOf(this.#slot()), rkey: this.#newRkey() }
    const event = unrelatedEvent(options, this.#random)
    const reachesUs = event.kind === 'identity' ? timeUs : 0
    this.#add(timeUs, { timeUs, data: JSON.stringify(event), reachesUs })
  }

  #bad(): void {
    const record = this.#newRecord()
    const known = this.#live.length > 0 ? this.#random.pick(this.#live) : record
    const say = { active: false, status: 'deleted', sentUs: this.#timeUs, seq: 2 ** 40 }
    const event = this.#random.pick([
      this.#writing('create', record),
      this.#writing('update', { ...known, revUs: record.revUs }),
      this.#deletion({ ...known, revUs: record.revUs }),
      this.#saying(known.slot, say),
      this.#marks.spoilable(),
    ])
    const frame = badFrame(event, this.#random)
    this.#add(this.#timeUs, { ...frame, timeUs: this.#timeUs, reachesUs: 0 })
  }

  #put(operation: 'create' | 'update', record: PostRecord, fixed?: Fixed): void {
    this.#live.push(record)
    const form = this.#form()
    const event = this.#writing(operation, record, { form, ...fixed })
    this.#emit(record.slot, event)
    if (form === 'root') {
      this.#subjects.keep(record, this.#timeUs, isAncient(event))
    }
  }

  #form(): PostForm {
    const roots = Array.from({ length: 7 }, () => 'root' as const)
    return this.#random.pick([...roots, 'untagged', 'reply', 'reply', 'reply'])
  }

  #writing(
    operation: 'create' | 'update',
    { slot, rkey, revUs }: PostRecord,
    { form = this.#form(), ...fixed }: Partial<Fixed> & { readonly form?: PostForm } = {},
  ): JetstreamEvent {
    const timeUs = this.#eventUs()
    // The clock decides the place of what is ahead of it, unless the record does.
    const isDecided = this.#options.isDecided || timeUs > this.#options.endUs
    const moment = isDecided
      ? pastMoment(this.#timeUs - 30 * SECOND_US, this.#random)
      : createdAt(this.#timeUs, this.#ties, this.#random)
    const options = { timeUs, did: accountOf(slot), rkey, rev: tid(revUs, slot) }
    const fields = {
      createdAt: fixed.createdAt ?? moment,
      ...postFields(form, this.#random),
      ...respond(form, () => this.#subjects.refer(this.#timeUs), this.#random),
    }
    return writeRecord(operation, POST, { ...options, cid: fixed.cid ?? this.#newCid() }, fields)
  }

  #deletion({ slot, rkey, revUs }: PostRecord): JetstreamEvent {
    const rev = tid(revUs, slot)
    return deleteRecord(POST, { timeUs: this.#eventUs(), did: accountOf(slot), rkey, rev })
  }

  #saying(slot: number, { sentUs, ...rest }: AccountSay): JetstreamEvent {
    const time = writtenMoment(sentUs, this.#random)
    return accountEvent({ timeUs: this.#eventUs(), did: accountOf(slot), time, ...rest })
  }

  /** Now, but for a server whose clock is wrong: far ahead of everybody's. */
  #eventUs(): number {
    const aheadUs = 600 * SECOND_US + this.#random.below(DAY_US)
    return this.#random.chance(0.005) ? this.#options.endUs + aheadUs : this.#timeUs
  }

  #emit(slot: number, event: JetstreamEvent): void {
    const lateUs = this.#random.chance(0.08) ? this.#random.below(DISORDER_US) : 0
    const place = Math.max(this.#places.get(slot) ?? 0, this.#timeUs + lateUs)
    this.#places.set(slot, place)
    const reachesUs = event.time_us > this.#options.endUs ? 0 : event.time_us
    this.#add(place, { timeUs: this.#timeUs, data: JSON.stringify(event), reachesUs })
  }

  #add(place: number, frame: OracleFrame): void {
    this.#entries.push({ place, frame })
  }

  #slot(): number {
    return this.#random.below(ACCOUNTS)
  }

  #newRecord(): PostRecord {
    const slot = this.#slot()
    return { slot, rkey: this.#newRkey(), revUs: this.#nextRev(slot) }
  }

  /** Removed from the list, with a revision of its own for what happens to it next. */
  #take(records: PostRecord[]): PostRecord | undefined {
    const index = this.#random.below(records.length)
    const last = records.at(-1)
    const record = records[index]
    if (record === undefined || last === undefined) {
      return undefined
    }
    records[index] = last
    records.pop()
    return { ...record, revUs: this.#nextRev(record.slot) }
  }

  #older(record: PostRecord): PostRecord {
    return { ...record, revUs: record.revUs - 1 - this.#random.below(60 * SECOND_US) }
  }

  #nextRev(slot: number): number {
    const revUs = Math.max((this.#revs.get(slot) ?? 0) + 1, this.#timeUs - 20_000)
    this.#revs.set(slot, revUs)
    return revUs
  }

  #newRkey(): string {
    this.#count += 1
    const odd = [`Post_${this.#count}~x`, `self:${this.#count}`, `${this.#count}.a-B`]
    return this.#random.chance(0.9) ? tid(this.#timeUs, this.#count) : this.#random.pick(odd)
  }

  #newCid(): string {
    this.#count += 1
    const short = `Z${this.#random.below(100)}cid${this.#count}x${this.#options.seed}`
    return this.#random.chance(0.95) ? fakeCid(`${this.#options.seed}/${this.#count}`) : short
  }
}
