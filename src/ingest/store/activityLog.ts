/**
 * What happens to posts, event by event, in the transaction of what it tells of. The numbers rise in the
 * order of commits: only the process that ingests gives them, inside the transaction.
 */
import type { WriteDatabase } from '../../db/database.ts'
import { ACTIVITY } from '../../posts/storedCodes.ts'
import type { ActivityKind } from '../../posts/storedCodes.ts'
import { ACCOUNTS_KEY, tagKey } from '../../posts/tagKey.ts'
import type { Us } from '../../time.ts'
import type { KeepTag } from '../events/projectEvent.ts'
import type { HeldRows, RecordMemory } from '../memory/recordMemory.ts'
import type { AccountStore } from './accountStore.ts'
import type { RecordState } from './foldRecord.ts'
import { prepareActivity } from './prepareActivity.ts'
import type { LoggedRow } from './prepareActivity.ts'

/** A change of a post that is kept. */
export interface PostEvent {
  readonly kind: Exclude<ActivityKind, 'account'>
  readonly did: string
  readonly rkey: string
  /** Undefined for a delete. */
  readonly cid: string | undefined
  /** After the change; for a delete, before it. */
  readonly tags: readonly string[]
  /** Before an update. */
  readonly tagsBefore?: readonly string[]
}

/** An account with posts here is hidden, shown or deleted. */
export interface AccountEvent {
  readonly kind: 'account'
  readonly did: string
  readonly active: boolean
  readonly status: string | undefined
}

interface Noted {
  readonly event: PostEvent | AccountEvent
  /** Its place in the batch; between equal ones, that of the call. */
  readonly order: number
  /** Of an account: whether it has posts here. */
  readonly isOfPosts?: boolean
}

/** What a change of one record is for the log; undefined when it is nothing that anybody could see. */
export function postEventOf(
  { did, rkey }: { readonly did: string; readonly rkey: string },
  before: RecordState,
  after: RecordState,
  cid: string | undefined,
): PostEvent | undefined {
  const tagsBefore = tagsOf(before)
  const tags = tagsOf(after)
  if (tags === undefined) {
    const gone = { kind: 'delete', did, rkey, cid: undefined } as const
    return tagsBefore && { ...gone, tags: tagsBefore }
  }
  return tagsBefore === undefined
    ? { kind: 'create', did, rkey, cid, tags }
    : { kind: 'update', did, rkey, cid, tags, tagsBefore }
}

/** What goes with its account. */
function isErasable({ kind }: PostEvent | AccountEvent): boolean {
  return kind === 'create' || kind === 'update'
}

function tagsOf(state: RecordState): readonly string[] | undefined {
  return state?.kind === 'kept' ? state.facts?.tags : undefined
}

export interface ActivityLogOptions {
  readonly accounts: AccountStore
  readonly memory: Pick<RecordMemory, 'hold'>
  readonly keepTag: KeepTag
}

/** Every method runs inside the transaction of its caller. */
export class ActivityLog implements HeldRows {
  readonly #statements: ReturnType<typeof prepareActivity>
  readonly #accounts: AccountStore
  readonly #keepTag: KeepTag
  #last: { readonly seq: number; readonly atUs: Us } | undefined
  #noted: Noted[] = []
  /** Where in the batch an account was erased: what is erased with it comes there. */
  readonly #erasedAt = new Map<string, number>()

  constructor(database: WriteDatabase, { accounts, memory, keepTag }: ActivityLogOptions) {
    this.#statements = prepareActivity(database)
    this.#accounts = accounts
    this.#keepTag = keepTag
    memory.hold(this)
  }

  /** Nothing that is held may be relied on any more. */
  clear(): void {
    this.#last = undefined
    this.#noted = []
    this.#erasedAt.clear()
  }

  /** Has to be called before all that follows, once a transaction. */
  async begin(): Promise<void> {
    if (this.#last === undefined) {
      const [row] = await this.#statements.readLog.all({})
      this.#last = { seq: row?.last_seq ?? 0, atUs: row?.last_at_us ?? 0 }
    }
  }

  /** The number that was given last. */
  get lastSeq(): number {
    return this.#last?.seq ?? 0
  }

  note(event: PostEvent, order = 0): void {
    this.#noted.push({ event, order })
  }

  /** A post of an erased account is gone, now or a while after the account. */
  noteErased({ did, rkey }: { did: string; rkey: string }, tags: readonly string[]): void {
    if (tags.length > 0) {
      this.note({ kind: 'delete', did, rkey, cid: undefined, tags }, this.#erasedAt.get(did) ?? -1)
    }
  }

  /** It counts only if the account has posts here, which this batch may still have to store. */
  async noteAccount(event: AccountEvent, order: number): Promise<void> {
    const found = await this.#statements.isAccountOfPosts.all({ did: event.did })
    this.#noted.push({ event, order, isOfPosts: found.length > 0 })
  }

  /** An account is erased: of what this transaction has noted of it only its deletes stay. */
  eraseNoted(did: string, order: number): void {
    this.#erasedAt.set(did, order)
    this.#noted = this.#noted
      .filter((noted) => this.#isReal(noted))
      .map((noted) => (noted.event.did === did ? { ...noted, isOfPosts: true } : noted))
      .filter(({ event }) => event.did !== did || !isErasable(event))
  }

  #isReal({ event, order, isOfPosts }: Noted): boolean {
    return (
      event.kind !== 'account' ||
      isOfPosts === true ||
      this.#noted.some(
        ({ event: other, order: at }) =>
          other.did === event.did && other.kind !== 'account' && at < order,
      )
    )
  }

  /**
   * Writes what was noted. Has to be called last, once a transaction. `reachedUs`: how far the stream has
   * been read; left out beside the stream, where what happens follows from what was read before. Our clock
   * alone, if it ran ahead, would give times from which all that follows could not come back.
   */
  async end(nowUs: Us, reachedUs?: Us): Promise<void> {
    const noted = this.#noted
      .filter((one) => this.#isReal(one))
      .toSorted((a, b) => a.order - b.order)
    this.#noted = []
    this.#erasedAt.clear()
    if (noted.length === 0) {
      return
    }
    const dids = new Set(noted.map(({ event }) => event.did))
    const accounts = await this.#accounts.load(dids)
    await this.#accounts.add(dids, accounts)
    const { seq, atUs } = this.#last ?? { seq: 0, atUs: 0 }
    const newUs = Math.max(atUs, Math.min(nowUs, reachedUs ?? (atUs || nowUs)))
    const rows = noted.map(({ event }, index) => rowOf(event, seq + 1 + index, newUs))
    await this.#statements.insertActivity.run(
      rows.map(({ did, row: [number, kind, at, ...rest] }) => [
        ...[number, kind, at, accounts.get(did)?.id],
        ...rest,
      ]),
    )
    await this.#statements.insertActivityTags.run(
      noted.flatMap(({ event }, index) => tagRows(event, seq + 1 + index, this.#keepTag)),
    )
    this.#last = { seq: seq + noted.length, atUs: newUs }
    await this.#statements.saveLog.run({ lastSeq: this.#last.seq, lastAtUs: newUs })
  }

  /**
   * Erases creates and updates of an account from the latest of some on; returns up to which there may be
   * more, 0 when there is none, and how many were looked at.
   */
  async eraseAccount(
    accountId: number,
    lastSeq: number,
    limit: number,
  ): Promise<{ readonly to: number; readonly rows: number }> {
    const rows = await this.#statements.activityOfAccount.all({ accountId, lastSeq, limit })
    await this.#delete(
      rows.filter(({ kind }) => kind === ACTIVITY.create || kind === ACTIVITY.update),
    )
    const lowest = rows.at(-1)?.seq ?? 1
    return { to: rows.length < limit ? 0 : lowest - 1, rows: rows.length }
  }

  /** Drops the oldest events that are older than a moment; returns how many there were. */
  async dropOld(beforeUs: Us, limit: number): Promise<number> {
    const oldest = await this.#statements.oldestActivity.all({ limit })
    const rows = oldest.filter(({ at_us }) => at_us < beforeUs)
    const last = rows.at(-1)
    if (last !== undefined) {
      await this.#delete(rows)
      await this.#statements.savePruned.run({ prunedSeq: last.seq })
    }
    return rows.length
  }

  async #delete(rows: readonly LoggedRow[]): Promise<void> {
    await this.#statements.deleteActivity.run(rows.map(({ seq }) => [seq]))
    // A tag may have been looked up when the event came and not be any more: all its rows go.
    await this.#statements.deleteActivityTags.run(
      rows.flatMap(({ seq, kind, tags, tags_before }) =>
        kind === ACTIVITY.account
          ? [[ACCOUNTS_KEY, kind, seq]]
          : keysOf([...readTags(tags), ...readTags(tags_before)]).map((key) => [key, kind, seq]),
      ),
    )
  }
}

function readTags(text: string | null): readonly string[] {
  return text === null ? [] : (JSON.parse(text) as string[])
}

function keysOf(tags: readonly string[]): string[] {
  return [...new Set(tags.map(tagKey))]
}

function rowOf(event: PostEvent | AccountEvent, seq: number, atUs: Us) {
  const first = [seq, ACTIVITY[event.kind], atUs]
  if (event.kind === 'account') {
    const { did, active, status } = event
    return { did, row: [...first, null, null, null, null, active ? 1 : 0, status ?? null] }
  }
  const { did, rkey, cid = null, tags, tagsBefore } = event
  const before = tagsBefore === undefined ? null : JSON.stringify(tagsBefore)
  const after = JSON.stringify(tags)
  return { did, row: [...first, rkey, cid, after, before === after ? null : before, null, null] }
}

/** An event is found by the tags before and after it: so that one sees a post leave. */
function tagRows(event: PostEvent | AccountEvent, seq: number, keepTag: KeepTag): unknown[][] {
  if (event.kind === 'account') {
    return [[ACCOUNTS_KEY, ACTIVITY.account, seq]]
  }
  const tags = [...event.tags, ...(event.tagsBefore ?? [])].filter((tag) => keepTag(tag))
  return keysOf(tags).map((key) => [key, ACTIVITY[event.kind], seq])
}
