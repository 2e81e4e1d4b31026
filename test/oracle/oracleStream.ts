/**
 * A seeded stream that does everything that a stream may do: posts that come, change, go and come
 * back; accounts and what they do for posts likewise; ties, repeats, stale and bad frames, wrong
 * clocks. What it holds to is what Jetstream promises: the frames of an account come in their order.
 * Across accounts they are out of order by up to three seconds, and further where a frame is ahead of
 * the moment at which it is sent.
 *
 * A frame is filed under that moment, `timeUs`: nobody reads it earlier. Where hosts tell different
 * times of it, or it is ahead, posts say themselves when they were made, since what they are dated
 * would else depend on who reads them when.
 */
import { accountEvent, datetime, deleteRecord, fakeCid } from '../support/events.ts'
import { identityEvent, tid, writeRecord } from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import type { Frame } from '../support/jetstreamServer.ts'
import { createRandom } from '../support/streamGenerator.ts'
import type { Random } from '../support/streamGenerator.ts'
import { AccountTalk, unrelatedEvent } from './oracleAccounts.ts'
import type { AccountSay } from './oracleAccounts.ts'
import { badFrame } from './oracleBadFrames.ts'
import { Subjects, respond } from './oracleEngagement.ts'
import { ACCOUNTS, PINNED_RKEY, PINNED_SLOTS, accountOf } from './oracleFeeds.ts'
import { Marks } from './oracleMarks.ts'
import { createdAt, isAncient, pastMoment, postFields } from './oracleRecords.ts'
import type { PostForm } from './oracleRecords.ts'
import { isWithinMinute, mostSkewUs } from './oracleWorld.ts'
import type { OracleWorld } from './oracleWorld.ts'

export interface OracleFrame extends Frame {
  /** The position is at least here once the frame is committed; 0 when it says nothing of that. */
  readonly reachesUs: number
  /** What it says that `time_us` is; 0 for one that says none that could be. */
  readonly toldUs: number
}

export interface OracleStreamOptions {
  readonly seed: number
  readonly events: number
  /** When the last frame is filed. */
  readonly endUs: number
  readonly world: OracleWorld
}

/** The last frame is later than all others, but for those that are ahead of it all, on every host. */
export function createOracleStream(options: OracleStreamOptions): OracleFrame[] {
  return new Network(options).run()
}

const POST = 'app.bsky.feed.post'
const SECOND_US = 1_000_000
/** All events lie in so long a time, but for those that are ahead of it all. */
export const SPAN_US = 60 * 60 * SECOND_US
/** Between the last event and the frame after it, longer than any is ahead. */
const REST_US = 160 * SECOND_US
export const MAX_AHEAD_US = 90 * SECOND_US
const DISORDER_US = 3 * SECOND_US
const DAY_US = 24 * 3_600 * SECOND_US

/** Accounts of which more is said than of others. */
const RESTLESS = 15

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
  readonly #talk: AccountTalk
  /** Posts say themselves when they were made: hosts tell different times of them. */
  readonly #isDecided: boolean
  /** What a moment of the past is before, whoever tells of it. */
  readonly #pastUs: number
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
    const skewUs = mostSkewUs(options.world)
    this.#isDecided = skewUs > 0
    this.#pastUs = 30 * SECOND_US + 2 * skewUs
    this.#talk = new AccountTalk({
      random: this.#random,
      skewUs,
      hasLiars: options.world.hasLiars,
      hasDeletions: isWithinMinute(options.world),
      eventUs: () => this.#eventUs(0.02),
    })
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
      [4, () => this.#account(this.#slot())],
      [3, () => this.#account(this.#random.below(RESTLESS))],
      [1, () => this.#flap()],
      [8, () => this.#unrelated()],
      [4, () => this.#bad()],
      ...this.#marks.shares,
    ]
    this.#deck = shares.flatMap(([share, act]) => Array.from({ length: share }, () => act))
  }

  run(): OracleFrame[] {
    const { events, endUs, world } = this.#options
    const stepUs = (SPAN_US - REST_US) / events
    const lastUs = endUs - REST_US
    while (this.#entries.length < events) {
      // Some share their moment with the one before.
      const waitUs = this.#random.chance(0.03) ? 0 : Math.floor(this.#random.next() * 2 * stepUs)
      this.#timeUs = Math.min(this.#timeUs + waitUs, lastUs)
      this.#random.pick(this.#deck)()
    }
    const frames = this.#entries.sort((a, b) => a.place - b.place).map(({ frame }) => frame)
    const last = identityEvent({ timeUs: endUs, did: accountOf(0) })
    const end = { timeUs: endUs, toldUs: endUs, data: JSON.stringify(last), reachesUs: endUs }
    // What comes late makes the service go far back at its next connection, which hides all else.
    const lateShare = world.hasV2 && !this.#isDecided ? 0.03 : 0
    return [...withRepeats(frames, lateShare, this.#random), end]
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
      createdAt: pastMoment(this.#timeUs - this.#pastUs, this.#random),
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

  #account(slot: number): void {
    const talk = this.#talk.say(slot, this.#timeUs)
    if (talk === undefined) {
      return
    }
    const { say, isNews } = talk
    if (isNews && !say.active && say.status === 'deleted') {
      this.#erase(slot)
    }
    this.#emit(slot, this.#saying(slot, say))
  }

  /** An account goes and comes, again and again, within seconds. */
  #flap(): void {
    const slot = this.#slot()
    for (let left = 3 + this.#random.below(12); left > 0; left -= 1) {
      this.#account(slot)
      this.#timeUs += this.#random.below(SECOND_US / 2)
    }
  }

  /** An update makes a new post of an erased one, but not of one for which something was done. */
  #erase(slot: number): void {
    const isEnded = this.#subjects.dropAccount(slot)
    for (const record of this.#live.filter(isEnded)) {
      this.#live.splice(this.#live.indexOf(record), 1)
      this.#ended.push(record)
    }
  }

  #unrelated(): void {
    const timeUs = this.#timeUs
    const options = { timeUs, did: accountOf(this.#slot()), rkey: this.#newRkey() }
    const event = unrelatedEvent(options, this.#random)
    const reachesUs = event.kind === 'identity' ? timeUs : 0
    this.#add(timeUs, { timeUs, toldUs: timeUs, data: JSON.stringify(event), reachesUs })
  }

  #bad(): void {
    const record = this.#newRecord()
    const known = this.#live.length > 0 ? this.#random.pick(this.#live) : record
    const timeUs = this.#eventUs(0.03)
    const time = datetime(timeUs)
    const say = { active: false, status: 'deleted', timeUs, time, seq: 2 ** 40 }
    const event = this.#random.pick([
      this.#writing('create', record),
      this.#writing('update', { ...known, revUs: record.revUs }),
      this.#deletion({ ...known, revUs: record.revUs }),
      this.#saying(known.slot, say),
      this.#marks.spoilable(),
    ])
    // Ahead of the clock or not: it must not move the position there.
    const frame = badFrame({ ...event, time_us: timeUs }, this.#random)
    const isTold = String(frame.data).includes(`"time_us":${timeUs},`)
    this.#add(this.#timeUs, {
      ...frame,
      timeUs: this.#timeUs,
      toldUs: isTold ? timeUs : 0,
      reachesUs: 0,
    })
  }

  #put(operation: 'create' | 'update', record: PostRecord, fixed?: Fixed): void {
    this.#live.push(record)
    const form = this.#form()
    const event = this.#writing(operation, record, { form, ...fixed })
    this.#emit(record.slot, event)
    if (form === 'root' || form === 'full') {
      this.#subjects.keep(record, this.#timeUs, isAncient(event))
    }
  }

  #form(): PostForm {
    if (this.#random.chance(0.012)) {
      return this.#random.pick(['full', 'overfull'])
    }
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
    const isDecided = this.#isDecided || timeUs > this.#timeUs
    const moment = isDecided
      ? pastMoment(this.#timeUs - this.#pastUs, this.#random)
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

  #saying(slot: number, say: AccountSay): JetstreamEvent {
    return accountEvent({ did: accountOf(slot), ...say })
  }

  /** Now, but for a server whose clock is ahead, by more or by less than the contract allows. */
  #eventUs(aheadShare = 0.001): number {
    const { world, endUs } = this.#options
    const roll = this.#random.next()
    const aheadUs = this.#random.below(MAX_AHEAD_US)
    const futureUs = 600 * SECOND_US + this.#random.below(DAY_US)
    if (world.hasFuture && roll < 0.004) {
      return endUs + futureUs
    }
    return this.#timeUs + (world.hasAhead && roll > 1 - aheadShare ? aheadUs : 0)
  }

  #emit(slot: number, event: JetstreamEvent): void {
    const lateUs = this.#random.chance(0.08) ? this.#random.below(DISORDER_US) : 0
    const place = Math.max(this.#places.get(slot) ?? 0, this.#timeUs + lateUs)
    this.#places.set(slot, place)
    const [timeUs, toldUs] = [this.#timeUs, event.time_us]
    const reachesUs = toldUs > timeUs ? 0 : toldUs
    this.#add(place, { timeUs, toldUs, data: JSON.stringify(event), reachesUs })
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
