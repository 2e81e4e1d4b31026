/**
 * What the oracle's stream says of accounts, and what it says that changes no post.
 *
 * Of an account's frames the later one counts, by `time_us` or by `account.time`. Either may be wrong,
 * and hosts tell different times of one frame. What is then to be is not always decided: when two
 * hosts tell of two frames, the second may be later by neither clock on the one, and by both on the
 * other. So the stream keeps to what is decided whoever tells of it, at whatever moment it is read:
 *
 * - News is later than all before by one of the clocks, at the least that a host may tell of it, and
 *   at the most that one may have told of those.
 * - What is stale is older by both, in the same way.
 * - What is told again is one of the latest frames. The contract says of the latest eight, and leaves
 *   open whether those count that changed nothing: here it is one of the latest five of all, and
 *   none that was stale.
 * - A replay tells all frames again. So nothing is said that would push a frame out of the latest
 *   ones which a replay could then make count: it would be the last word of an account, or delete
 *   what came after it.
 */
import { deleteRecord, identityEvent, writeRecord } from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import type { Random } from '../support/streamGenerator.ts'
import { postFields, writtenMoment } from './oracleRecords.ts'

const SECOND_US = 1_000_000
const HOUR_US = 3_600 * SECOND_US
/** Fewer than the eight that a service remembers: frames may come twice. */
const LATEST = 5

export interface AccountSay {
  readonly active: boolean
  readonly status?: string
  /** The event's own time. */
  readonly timeUs: number
  /** The account's own time, as it is written. */
  readonly time: string
  readonly seq: number
}

export interface Talk {
  readonly say: AccountSay
  /** Whether it changes what is known of the account. */
  readonly isNews: boolean
}

/** A moment that is told of, as early and as late as it may be told. */
interface Span {
  readonly low: number
  readonly high: number
}

interface Told {
  readonly say: AccountSay
  readonly isStale: boolean
  readonly event: Span
  readonly own: Span
}

interface Account {
  readonly latest: Told[]
  /** The latest that have been told, by each clock. */
  event: Span
  own: Span
  isActive: boolean
}

export interface AccountTalkOptions {
  readonly random: Random
  /** How far hosts are from the right time, at most. */
  readonly skewUs: number
  readonly hasLiars: boolean
  /** Whether accounts are deleted. */
  readonly hasDeletions: boolean
  /** Unix microseconds at which a frame may say that it happens, which may be ahead of `nowUs`. */
  eventUs(nowUs: number): number
}

const DOWN = ['takendown', 'suspended', 'deactivated', 'deactivated', 'deleted', 'throttled']
const ONLY_HIDDEN = DOWN.filter((status) => status !== 'deleted')
const NEVER: Span = { low: 0, high: 0 }
const ERAS = ['2099-12-31T23:59:59Z', '2099-01-01T00:00:00.000Z', '1987-06-05T04:03:02Z']

/** Whatever the digits that are written of it, it is the same moment. */
const inMs = (us: number): number => Math.floor(us / 1000) * 1000

const later = (a: Span, b: Span): Span => ({
  low: Math.max(a.low, b.low),
  high: Math.max(a.high, b.high),
})

export class AccountTalk {
  readonly #options: AccountTalkOptions
  readonly #random: Random
  readonly #accounts = new Map<number, Account>()
  #seq = 1_000

  constructor(options: AccountTalkOptions) {
    this.#options = options
    this.#random = options.random
  }

  /** Undefined when there is nothing to say that is decided. */
  say(slot: number, nowUs: number): Talk | undefined {
    const account = this.#accounts.get(slot) ?? {
      latest: [],
      event: NEVER,
      own: NEVER,
      isActive: true,
    }
    this.#accounts.set(slot, account)
    this.#seq += 1
    const roll = this.#options.hasLiars ? this.#random.next() : 1
    if (roll < 0.12) {
      return this.#again(account, nowUs)
    }
    if (roll < 0.2) {
      return this.#stale(account, nowUs)
    }
    const isWrong = this.#options.hasLiars && this.#random.chance(0.5)
    return (
      (isWrong ? this.#news(account, nowUs, true) : undefined) ?? this.#news(account, nowUs, false)
    )
  }

  #news(account: Account, nowUs: number, isWrong: boolean): Talk | undefined {
    const active = this.#random.chance(account.isActive ? 0.25 : 0.75)
    const isOdd = active && this.#random.chance(0.1)
    const status = active ? (isOdd ? 'deleted' : undefined) : this.#down()
    const timeUs = isWrong ? nowUs : this.#options.eventUs(nowUs)
    const [time, ownUs] = isWrong ? this.#wrongTime(nowUs) : this.#rightTime(nowUs)
    // The number of a relay that has begun anew: it decides nothing.
    const seq =
      this.#options.hasLiars && this.#random.chance(0.2) ? this.#random.below(1_000) : this.#seq
    const say = { active, ...(status && { status }), timeUs, time, seq }
    const told = this.#told(say, nowUs, ownUs)
    const isLater = told.event.low > account.event.high || told.own.low > account.own.high
    if (!isLater || !this.#remember(account, told)) {
      return undefined
    }
    account.isActive = active
    return { say, isNews: true }
  }

  #down(): string {
    return this.#random.pick(this.#options.hasDeletions ? DOWN : ONLY_HIDDEN)
  }

  #rightTime(nowUs: number): [string, number] {
    const lateUs = this.#options.hasLiars ? this.#random.below(2 * SECOND_US) : 0
    const ownUs = inMs(nowUs - lateUs)
    return [writtenMoment(ownUs, this.#random), ownUs]
  }

  #wrongTime(nowUs: number): [string, number] {
    if (this.#random.chance(0.3)) {
      const era = this.#random.pick(ERAS)
      return [era, Date.parse(era) * 1000]
    }
    const ownUs = inMs(nowUs + (this.#random.next() * 2 - 1) * HOUR_US)
    return [writtenMoment(ownUs, this.#random), ownUs]
  }

  /** With the time of this moment, or that of a host which tells all anew. */
  #again(account: Account, nowUs: number): Talk | undefined {
    const [known] = this.#random.chance(0.5)
      ? account.latest.slice(-2)
      : account.latest.slice(this.#random.below(Math.max(1, account.latest.length)))
    if (known === undefined || known.isStale) {
      return undefined
    }
    const say = { ...known.say, timeUs: nowUs, seq: this.#seq }
    const told = this.#told(say, nowUs, Date.parse(say.time) * 1000)
    // It must not count when it is told once more, and no longer is one of the latest.
    return this.#remember(account, told, false) ? { say, isNews: false } : undefined
  }

  #stale(account: Account, nowUs: number): Talk | undefined {
    const timeUs = account.event.low - this.#random.below(2 * SECOND_US)
    const ownUs = inMs(account.own.low - this.#random.below(HOUR_US))
    // What comes long after its time makes the service go far back, which hides all else.
    if (account.latest.length === 0 || timeUs < nowUs - 3 * SECOND_US || timeUs > nowUs) {
      return undefined
    }
    const time = writtenMoment(ownUs, this.#random)
    const active = this.#random.chance(0.5)
    const say = { active, status: this.#down(), timeUs, time, seq: this.#seq * 1_000 }
    const told = { ...this.#told(say, timeUs, ownUs), isStale: true }
    const isOlder = told.event.high <= account.event.low && told.own.high <= account.own.low
    return isOlder && this.#remember(account, told, false) ? { say, isNews: false } : undefined
  }

  #told(say: AccountSay, nowUs: number, ownUs: number): Told {
    const { skewUs } = this.#options
    // What is ahead of the clock that reads it counts as of then, and that is no earlier than now.
    const event = { low: Math.min(say.timeUs, nowUs) - skewUs, high: say.timeUs + skewUs }
    return {
      say,
      isStale: false,
      event,
      own: { low: Math.min(ownUs, event.low), high: Math.min(ownUs, event.high) },
    }
  }

  /** Whether it may be said without making something that is forgotten count again. */
  #remember(account: Account, told: Told, isNews = true): boolean {
    const event = isNews ? later(account.event, told.event) : account.event
    const own = isNews ? later(account.own, told.own) : account.own
    const leaving = account.latest.length < LATEST ? undefined : account.latest[0]
    const isOver = (each: Told): boolean => each.event.high <= event.low && each.own.high <= own.low
    if (leaving !== undefined && !isOver(leaving)) {
      return false
    }
    account.event = event
    account.own = own
    account.latest.push(told)
    account.latest.splice(0, account.latest.length - LATEST)
    return true
  }
}

type AnyEvent = JetstreamEvent | { did: string; time_us: number; kind: 'label' }

/** Other collections, identities, kinds that nobody knows: nothing of it concerns a feed. */
export function unrelatedEvent(
  options: { readonly timeUs: number; readonly did: string; readonly rkey: string },
  random: Random,
): AnyEvent {
  const { timeUs, did } = options
  const { facets, text } = postFields('root', random)
  return random.pick<AnyEvent>([
    writeRecord('create', 'app.bsky.feed.like', options, { facets, text }),
    writeRecord('update', 'app.bsky.actor.profile', { ...options, rkey: 'self' }, { text }),
    deleteRecord('app.bsky.graph.follow', options),
    identityEvent({ timeUs, did, handle: 'someone.example.com' }),
    { did, time_us: timeUs, kind: 'label' },
  ])
}
