/** The likes and reposts of the oracle's stream: they come, move, go and come back, twice and late. */
import { datetime, deleteRecord, tid, writeRecord } from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import type { Random } from '../support/streamGenerator.ts'
import { noReference, refTo } from './oracleEngagement.ts'
import type { SubjectKey, Subjects } from './oracleEngagement.ts'
import { accountOf } from './oracleFeeds.ts'

/** What marks need of the stream. */
export interface MarkSurroundings {
  readonly random: Random
  readonly subjects: Subjects
  timeUs(): number
  eventUs(): number
  newRkey(): string
  nextRev(slot: number): number
  slot(): number
  emit(slot: number, event: JetstreamEvent): void
}

/** A like or repost as the stream has last shown it. */
interface Mark {
  readonly collection: 'app.bsky.feed.like' | 'app.bsky.feed.repost'
  readonly slot: number
  readonly rkey: string
  readonly revUs: number
  /** Undefined when it is for nothing that is kept, or deleted. */
  readonly subject: SubjectKey | undefined
  /** It is remembered whatever its subject is: it was deleted, updated, or moved while it was known. */
  readonly isTraced: boolean
}

const COLLECTIONS = ['app.bsky.feed.like', 'app.bsky.feed.like', 'app.bsky.feed.repost'] as const

export class Marks {
  readonly #stream: MarkSurroundings
  readonly #random: Random
  readonly #live: Mark[] = []
  readonly #gone: Mark[] = []

  constructor(stream: MarkSurroundings) {
    this.#stream = stream
    this.#random = stream.random
  }

  /** With how many parts of the stream each has. */
  readonly shares: readonly [number, () => void][] = [
    [30, () => this.#create()],
    [3, () => this.#again()],
    [1, () => this.#own()],
    [5, () => this.#rewrite(this.#live)],
    [2, () => this.#rewrite(this.#gone)],
    [6, () => this.#delete(this.#take(this.#live))],
    [1, () => this.#delete(this.#new(this.#stream.slot()))],
    [1, () => this.#deleteFirst()],
    [2, () => this.#stale()],
  ]

  /** A like or the end of one that would change a count if it were taken. */
  spoilable(): JetstreamEvent {
    const known = this.#live.length > 0 ? this.#random.pick(this.#live) : undefined
    const fresh = this.#new(this.#stream.slot())
    return known !== undefined && this.#random.chance(0.4)
      ? this.#deletion({ ...known, revUs: fresh.revUs })
      : this.#writing('create', { ...fresh, subject: this.#pick() })
  }

  #create(): void {
    this.#put('create', this.#new(this.#stream.slot()), this.#pick())
  }

  /** The same once more, under another key: it counts once. */
  #again(): void {
    if (this.#live.length > 0) {
      const mark = this.#random.pick(this.#live)
      this.#put('create', { ...this.#new(mark.slot), collection: mark.collection }, mark.subject)
    }
  }

  /** Of a post of one's own: it never counts. */
  #own(): void {
    const subject = this.#pick()
    if (subject !== undefined) {
      this.#put('create', this.#new(subject.slot), subject)
    }
  }

  /** By an update, or a second create: either moves it. */
  #rewrite(marks: Mark[]): void {
    const mark = this.#take(marks)
    if (mark !== undefined) {
      const subject = this.#random.chance(0.25) ? undefined : this.#pick()
      this.#put(this.#random.pick(['create', 'update']), mark, subject)
    }
  }

  /** A new mark is remembered for as long as its post is kept; of others' posts it leaves no trace. */
  #isKnown({ slot, subject, isTraced }: Mark): boolean {
    const isOurs =
      subject !== undefined && subject.slot !== slot && this.#stream.subjects.isKept(subject)
    return isTraced || isOurs
  }

  #put(operation: 'create' | 'update', mark: Mark, subject: SubjectKey | undefined): void {
    const isTraced = operation === 'update' || this.#isKnown(mark)
    const after = { ...mark, subject, isTraced }
    this.#live.push(after)
    this.#stream.emit(mark.slot, this.#writing(operation, after))
  }

  #delete(mark: Mark | undefined): void {
    if (mark !== undefined) {
      this.#gone.push({ ...mark, subject: undefined, isTraced: true })
      this.#stream.emit(mark.slot, this.#deletion(mark))
    }
  }

  /** The end of a like comes before its beginning: it never was. */
  #deleteFirst(): void {
    const mark = this.#new(this.#stream.slot())
    this.#delete(mark)
    const before = { ...mark, subject: this.#pick(), revUs: this.#olderUs(mark) }
    this.#stream.emit(mark.slot, this.#writing('create', before))
  }

  /** A revision that the stream has left behind: nothing changes. */
  #stale(): void {
    const marks = this.#random.chance(0.6) ? this.#live : this.#gone
    const mark = marks.length > 0 ? this.#random.pick(marks) : undefined
    if (mark !== undefined && this.#isKnown(mark)) {
      const before = { ...mark, revUs: this.#olderUs(mark) }
      const event = this.#random.chance(0.3)
        ? this.#deletion(before)
        : this.#writing(this.#random.pick(['create', 'update']), {
            ...before,
            subject: this.#pick(),
          })
      this.#stream.emit(mark.slot, event)
    }
  }

  #pick(): SubjectKey | undefined {
    return this.#stream.subjects.pick(this.#stream.timeUs())
  }

  #new(slot: number): Mark {
    const collection = this.#random.pick(COLLECTIONS)
    const [rkey, revUs] = [this.#stream.newRkey(), this.#stream.nextRev(slot)]
    return { collection, slot, rkey, revUs, subject: undefined, isTraced: false }
  }

  /** Removed from the list, with a revision of its own for what happens to it next. */
  #take(marks: Mark[]): Mark | undefined {
    const [mark] = marks.splice(this.#random.below(Math.max(1, marks.length)), 1)
    return mark && { ...mark, revUs: this.#stream.nextRev(mark.slot) }
  }

  #olderUs({ revUs }: Mark): number {
    return revUs - 1 - this.#random.below(60_000_000)
  }

  #writing(operation: 'create' | 'update', mark: Mark): JetstreamEvent {
    const { slot, collection, rkey, revUs, subject } = mark
    const timeUs = this.#stream.eventUs()
    const options = { timeUs, did: accountOf(slot), rkey, rev: tid(revUs, slot) }
    const never = { slot: this.#random.below(50), rkey: `never${rkey}` }
    const reference =
      subject !== undefined
        ? refTo(subject)
        : this.#random.chance(0.5)
          ? refTo(never)
          : noReference(refTo(this.#pick() ?? never), this.#random)
    // Bad frames are made of it by a field that posts have.
    const fields = { createdAt: datetime(timeUs), facets: [], subject: reference }
    return writeRecord(operation, collection, options, fields)
  }

  #deletion({ slot, collection, rkey, revUs }: Mark): JetstreamEvent {
    const rev = tid(revUs, slot)
    const timeUs = this.#stream.eventUs()
    return deleteRecord(collection, { timeUs, did: accountOf(slot), rkey, rev })
  }
}
