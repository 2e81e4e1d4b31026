/**
 * Programs that follow the log. Nothing waits for any of them: who has all that there is gets what is new
 * as it is read, once for all; who has not, since he came with a cursor or is slow, reads on from where he
 * is, a piece at a time, when he takes it.
 */
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { ACTIVITY } from '../posts/storedCodes.ts'
import { ACCOUNTS_KEY, tagKey } from '../posts/tagKey.ts'
import { matchesTags, toEvent } from './activityEvent.ts'
import type { ActivityEvent, PostEvent, TagQuery } from './activityEvent.ts'
import type { ActivityStatements, LoggedRow, TagList } from './activityStatements.ts'
import { errorFrame, eventFrame, infoFrame } from './eventFrame.ts'

/** Who gets the frames of one subscription. */
export interface Subscriber {
  /** Whether it takes more now. */
  readonly isReady: boolean
  send(frame: string): void
  /** Ends the subscription after a last frame. */
  end(frame: string, reason: string): void
}

export interface SubscriptionQuery extends TagQuery {
  /** The last event that is known; undefined: from now on. */
  readonly cursor: number | undefined
}

/** The records as they are now, by at-uri. */
export type RecordsOf = (
  uris: readonly string[],
) => Promise<ReadonlyMap<string, { readonly cid: string; readonly record: unknown }>>

export interface SubscriptionsOptions {
  readonly statements: ActivityStatements
  readonly logger: Logger
  readonly recordsOf?: RecordsOf
}

interface Subscription {
  readonly query: SubscriptionQuery
  readonly subscriber: Subscriber
  /** The last event that it has passed. */
  seq: number
}

const TICK_MS = 50
/** After a failure, such as a database that is away. */
const RETRY_MS = 1_000
const ROWS_AT_ONCE = 200
/** So long those who are behind are served before it is looked for what is new. */
const BEHIND_MS = 20
/** A replica may not have yet what another server has told. */
const CURSOR_WAIT_MS = 500

export class Subscriptions implements Disposable {
  readonly #options: SubscriptionsOptions
  /** Those that have all up to `#seq`, and those that have not. */
  readonly #live = new Set<Subscription>()
  #behind = new Set<Subscription>()
  #seq = 0
  #isRunning = false
  #isOver = false
  #isFailing = false

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#live.clear()
    this.#behind.clear()
  }

  /** Begins a subscription; returns what ends it. */
  async begin(query: SubscriptionQuery, subscriber: Subscriber): Promise<() => void> {
    const { last_seq: lastSeq, pruned_seq: prunedSeq } = await this.#readLog(query.cursor ?? 0)
    const seq = query.cursor ?? lastSeq
    if (seq > lastSeq) {
      const message = `There is no event ${seq} yet: the last one is ${lastSeq}`
      subscriber.end(errorFrame('FutureCursor', message), 'FutureCursor')
      return () => {}
    }
    if (seq < prunedSeq) {
      const message = `Events up to ${prunedSeq} are gone: the oldest that are left follow`
      subscriber.send(infoFrame('OutdatedCursor', message))
    }
    const subscription = { query, subscriber, seq }
    this.#behind.add(subscription)
    if (!this.#isRunning && !this.#isOver) {
      this.#isRunning = true
      void this.#run()
    }
    return () => this.#remove(subscription)
  }

  async #readLog(cursor: number): Promise<{ last_seq: number; pruned_seq: number }> {
    const untilMs = performance.now() + CURSOR_WAIT_MS
    for (;;) {
      const [log = { last_seq: 0, pruned_seq: 0 }] = await this.#options.statements.log.all({})
      if (cursor <= log.last_seq || performance.now() >= untilMs) {
        return log
      }
      await delay(TICK_MS)
    }
  }

  #remove(subscription: Subscription): void {
    this.#live.delete(subscription)
    this.#behind.delete(subscription)
  }

  /** Runs for as long as there is somebody. */
  async #run(): Promise<void> {
    while (!this.#isOver && this.#live.size + this.#behind.size > 0) {
      let restMs = TICK_MS
      try {
        await this.#tellNew()
        restMs = (await this.#serveBehind()) ? 0 : TICK_MS
        this.#isFailing = false
      } catch (error) {
        this.#tellFailure(error)
        restMs = RETRY_MS
      }
      await (restMs === 0 ? nextTurn() : delay(restMs, undefined, { ref: false }))
    }
    this.#isRunning = false
  }

  #tellFailure(error: unknown): void {
    if (!this.#isFailing) {
      const reason = describeError(error)
      this.#options.logger.warn(
        { event: 'subscriptionsWait', reason },
        `cannot read what has happened: ${reason}; subscribers wait`,
      )
    }
    this.#isFailing = true
  }

  /** What is new is read once for all that have what was before. */
  async #tellNew(): Promise<void> {
    if (this.#live.size === 0) {
      return
    }
    const from = this.#seq
    const rows = await this.#options.statements.after.all({ seq: from, limit: ROWS_AT_ONCE })
    const { events, passed } = await this.#readRows(rows)
    const frames = events.map(({ event, record }) => ({ event, frame: eventFrame(event, record) }))
    this.#seq = Math.max(from, passed)
    for (const subscription of this.#live) {
      if (!tell(subscription, frames, this.#seq)) {
        this.#live.delete(subscription)
        this.#behind.add(subscription)
      }
    }
  }

  /** Serves those that are behind, each in its turn; returns whether there is more to do at once. */
  async #serveBehind(): Promise<boolean> {
    const untilMs = performance.now() + BEHIND_MS
    let hasMore = false
    for (const subscription of [...this.#behind]) {
      if (performance.now() >= untilMs) {
        return true
      }
      if (!this.#behind.delete(subscription)) {
        continue
      }
      // It comes last from now on.
      this.#behind.add(subscription)
      if (subscription.subscriber.isReady) {
        const { seq } = subscription
        const isLive = await this.#serve(subscription)
        // A server that lacks what another one has told has nothing more for now.
        hasMore ||= !isLive && subscription.seq > seq
        await nextTurn()
      }
    }
    return hasMore
  }

  /** Sends a piece of what one lacks; returns whether it now has all that there is. */
  async #serve(subscription: Subscription): Promise<boolean> {
    const { statements } = this.#options
    const { query, seq } = subscription
    const rows = await (query.tags.length === 0
      ? statements.after.all({ seq, limit: ROWS_AT_ONCE })
      : statements.listsAfter(listsOf(query), seq, ROWS_AT_ONCE))
    const { events, passed } = await this.#readRows(rows)
    // It may have left meanwhile.
    if (!this.#behind.has(subscription)) {
      return true
    }
    const frames = events.map(({ event, record }) => ({ event, frame: eventFrame(event, record) }))
    if (!tell(subscription, frames, passed)) {
      return false
    }
    if (this.#live.size === 0) {
      this.#seq = subscription.seq
    }
    if (subscription.seq >= this.#seq) {
      this.#behind.delete(subscription)
      this.#live.add(subscription)
      return true
    }
    return false
  }

  /** What of some rows may be shown, and up to which number they say all. */
  async #readRows(rows: readonly LoggedRow[]): Promise<{
    readonly events: readonly { event: ActivityEvent; record: unknown }[]
    readonly passed: number
  }> {
    const read = rows.flatMap((row) => (row.seq === null ? [] : [row]))
    const events = read.flatMap((row) => toEvent(row) ?? []).filter(({ isShown }) => isShown)
    const written = events.filter(
      (event): event is PostEvent => event.kind === 'create' || event.kind === 'update',
    )
    const records =
      written.length === 0
        ? undefined
        : await this.#options.recordsOf?.(written.map(({ uri }) => uri))
    const passed = read.length === ROWS_AT_ONCE ? (read.at(-1)?.seq ?? 0) : (rows[0]?.last_seq ?? 0)
    return {
      events: events.map((event) => {
        const isWritten = event.kind === 'create' || event.kind === 'update'
        const now = isWritten ? records?.get(event.uri) : undefined
        // A later record is that of a later event.
        return { event, record: isWritten && now?.cid === event.cid ? now?.record : undefined }
      }),
      passed,
    }
  }
}

/** Sends what concerns one; returns whether it has taken all up to `passed`. */
function tell(
  subscription: Subscription,
  frames: readonly { event: ActivityEvent; frame: string }[],
  passed: number,
): boolean {
  const { query, subscriber } = subscription
  for (const { event, frame } of frames) {
    const isNew = event.seq > subscription.seq
    const isWanted =
      event.kind === 'account' || query.tags.length === 0 || matchesTags(query, event)
    if (isNew && isWanted) {
      if (!subscriber.isReady) {
        return false
      }
      subscriber.send(frame)
    }
    subscription.seq = Math.max(subscription.seq, event.seq)
  }
  subscription.seq = Math.max(subscription.seq, passed)
  return true
}

/** The lists in which all is that concerns a query; of those that must all match one is enough. */
function listsOf({ tags, match }: SubscriptionQuery): TagList[] {
  const kinds = [ACTIVITY.create, ACTIVITY.update, ACTIVITY.delete]
  return [
    ...(match === 'any' ? tags : tags.slice(0, 1)).flatMap((tag) =>
      kinds.map((kind) => ({ tag: tagKey(tag), kind })),
    ),
    { tag: ACCOUNTS_KEY, kind: ACTIVITY.account },
  ]
}
