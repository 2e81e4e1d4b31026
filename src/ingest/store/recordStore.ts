import type { WriteDatabase } from '../../db/database.ts'
import { packRecord } from '../../posts/recordText.ts'
import { packFacts, unpackFacts } from '../../posts/storedFacts.ts'
import type { Us } from '../../time.ts'
import type { KeepTag } from '../events/projectEvent.ts'
import type { Certainty, RecordMemory } from '../memory/recordMemory.ts'
import { beginErasing, beginMove, isErased, isShown } from './accountMove.ts'
import { AccountMoves } from './accountMoves.ts'
import { AccountStore } from './accountStore.ts'
import type { Accounts } from './accountStore.ts'
import { ActivityLog } from './activityLog.ts'
import type { VisiblePost } from './derivedRows.ts'
import { DerivedStore } from './derivedStore.ts'
import { EngagementStore } from './engagementStore.ts'
import type { CurrentRecord, KeptPost, RecordState, RecordTrace } from './foldRecord.ts'
import { FollowStore } from './followStore.ts'
import { prepareStatements } from './statements.ts'
import type { PostRow, Statements } from './statements.ts'
import { TraceStore } from './traceStore.ts'
import type { Trace, TraceKey } from './traceStore.ts'

/** A record whose state a batch has changed. */
export interface RecordChange {
  readonly did: string
  readonly rkey: string
  readonly before: RecordState
  readonly after: RecordState
}

export type RecordKey = Pick<RecordChange, 'did' | 'rkey'>

export interface RecordStoreOptions {
  readonly database: WriteDatabase
  /** Of the same database. */
  readonly memory: RecordMemory
  readonly keepTag: KeepTag
}

/** Records and accounts as rows, and the rows derived from them. Every method runs inside `write`. */
export class RecordStore {
  readonly statements: Statements
  readonly accounts: AccountStore
  readonly moves: AccountMoves
  readonly derived: DerivedStore
  readonly traces: TraceStore
  readonly engagements: EngagementStore
  readonly follows: FollowStore
  readonly activity: ActivityLog
  readonly #memory: RecordMemory

  constructor({ database, memory, keepTag }: RecordStoreOptions) {
    this.#memory = memory
    this.statements = prepareStatements(database)
    this.accounts = new AccountStore(this.statements, memory)
    this.moves = new AccountMoves(this.statements, memory)
    this.traces = new TraceStore(database)
    const { accounts, moves, traces } = this
    this.engagements = new EngagementStore(this.statements, { accounts, moves, traces, memory })
    this.follows = new FollowStore(database)
    this.derived = new DerivedStore(database, this.statements, keepTag)
    this.activity = new ActivityLog(database, { accounts, memory, keepTag })
  }

  /**
   * Runs what changes records in one transaction, and hands it what may be relied on in it. `reachedUs`:
   * how far the stream has been read with it; left out beside the stream.
   * @throws what the transaction fails with
   */
  async write<T>(
    { nowUs, reachedUs }: { readonly nowUs: Us; readonly reachedUs?: Us },
    work: (certainty: Certainty) => Promise<T>,
  ): Promise<T> {
    return await this.#memory.write(async (certainty) => {
      await this.moves.load()
      await this.accounts.loadDeactivated()
      await this.derived.refreshFilters()
      await this.activity.begin()
      const result = await work(certainty)
      await this.activity.end(nowUs, reachedUs)
      return result
    })
  }

  /** What is stored of some records, by `recordKey`. Those that are still to be erased are erased now. */
  async loadRecords(keys: readonly RecordKey[], nowUs: Us): Promise<Map<string, RecordState>> {
    const states = new Map<string, RecordState>()
    const traces = await this.traces.load(keys.map((key) => ({ ...key, traced: 'post' })))
    const isErasing = (did: string): boolean => (this.moves.of(did)?.eraseTo ?? -1) >= 0
    for (const { rkey, did, rev, fate } of traces) {
      const real = fate === 'expired' && isErasing(did) ? 'deleted' : fate
      states.set(recordKey({ did, rkey }), { kind: 'trace', rev, fate: real })
    }
    const posts = await this.statements.postsByKey.all(keys.map(({ did, rkey }) => [did, rkey]))
    const erased = posts.filter(({ did, id }) => isErased(this.moves.of(did), id))
    await this.erasePosts(erased, nowUs)
    for (const row of posts) {
      const isGone = erased.includes(row)
      states.set(
        recordKey(row),
        isGone ? { kind: 'trace', rev: row.rev, fate: 'deleted' } : keptPost(row),
      )
    }
    return states
  }

  /** Writes changed records, and the derived rows of those that are shown. */
  async saveRecords(
    changes: readonly RecordChange[],
    accounts: Accounts,
    nowUs: Us,
  ): Promise<void> {
    const isVisible = ({ did, rkey }: RecordKey): boolean =>
      isShown(this.moves.of(did), accounts.get(did)?.active ?? true, rkey)
    await this.derived.remove(
      changes.flatMap(({ did, rkey, before }) => visiblePost(did, rkey, before)),
    )
    await this.#saveTraces(changes, nowUs)
    const shown = await this.#savePosts(changes, accounts)
    await this.derived.add(shown.filter(isVisible))
  }

  /** Puts posts of an account that are stored under their tags, or takes them away from everywhere. */
  async showPosts(rows: readonly PostRow[], isShown: boolean): Promise<void> {
    const posts = rows.flatMap((row) => visiblePost(row.did, row.rkey, keptPost(row)))
    await (isShown ? this.derived.add(posts) : this.derived.remove(posts))
    if (!isShown) {
      await this.statements.deleteRanked.run(rows.map(({ id }) => [id]))
    }
  }

  /** Erases posts; their revisions are remembered, so that no replay brings them back. */
  async erasePosts(rows: readonly PostRow[], nowUs: Us): Promise<void> {
    const changes = rows.map((row) => {
      const after: RecordTrace = { kind: 'trace', rev: row.rev, fate: 'deleted' }
      return { did: row.did, rkey: row.rkey, before: keptPost(row), after }
    })
    await this.saveRecords(changes, new Map(), nowUs)
    rows.forEach((row) => this.activity.noteErased(row, unpackFacts(row)?.tags ?? []))
  }

  /**
   * All that is stored of an account is erased from here on, though its rows go later. A pinned post is
   * shown without being kept: that it is gone has to be remembered all the same. Two feeds may show it.
   */
  async eraseAccount(
    did: string,
    accounts: Accounts,
    { pinned, nowUs }: { pinned: readonly RecordKey[]; nowUs: Us },
  ): Promise<void> {
    await this.accounts.add([did], accounts)
    const { id = 0, active = true } = accounts.get(did) ?? {}
    const move = this.moves.of(did) ?? this.moves.add(beginMove(id, did, active))
    const [last] = await this.statements.lastPostId.all({})
    beginErasing(move, { lastPostId: last?.id ?? 0, lastSeq: this.activity.lastSeq })
    this.moves.touch(did)
    const rkeys = new Set(pinned.filter((key) => key.did === did).map(({ rkey }) => rkey))
    const keys = [...rkeys].map((rkey) => ({ did, rkey }))
    const states = await this.loadRecords(keys, nowUs)
    const traces = keys.map(({ rkey }) => {
      const rev = states.get(recordKey({ did, rkey }))?.rev ?? LOWEST_REV
      return { did, rkey, traced: 'post', rev, fate: 'deleted' } as const
    })
    await this.traces.save(traces, nowUs)
  }

  /** Drops the oldest posts that are older than a moment; answers how many there were. */
  async dropOldPosts(beforeUs: Us, limit: number, nowUs: Us): Promise<number> {
    const rows = await this.statements.postsBefore.all({ beforeUs, limit })
    await this.derived.remove(rows.flatMap((row) => visiblePost(row.did, row.rkey, keptPost(row))))
    await this.#deletePosts(rows)
    rows
      .filter(({ did, id }) => isErased(this.moves.of(did), id))
      .forEach((row) => this.activity.noteErased(row, unpackFacts(row)?.tags ?? []))
    const traces = rows.map(({ rkey, did, rev, id }) => {
      const fate = isErased(this.moves.of(did), id) ? 'deleted' : 'expired'
      return { did, rkey, traced: 'post', rev, fate } as const
    })
    await this.traces.save(traces, nowUs)
    return rows.length
  }

  async #saveTraces(changes: readonly RecordChange[], nowUs: Us): Promise<void> {
    const left: Trace[] = []
    const gone: TraceKey[] = []
    for (const { did, rkey, before, after } of changes) {
      if (after?.kind === 'trace') {
        left.push({ did, rkey, traced: 'post', rev: after.rev, fate: after.fate })
      } else if (before?.kind === 'trace' && after?.kind === 'kept') {
        gone.push({ did, rkey, traced: 'post' })
      }
    }
    await this.traces.save(left, nowUs)
    await this.traces.drop(gone)
  }

  /** Answers the posts that a reader may see once their rows are written. */
  async #savePosts(changes: readonly RecordChange[], accounts: Accounts): Promise<VisiblePost[]> {
    const dropped: (RecordKey & { id: number })[] = []
    const updated: unknown[][] = []
    const records: unknown[][] = []
    const added: (RecordKey & { post: KeptPost })[] = []
    const shown: VisiblePost[] = []
    for (const { did, rkey, before, after } of changes) {
      // A record that was deleted and created again in one batch has a row, and is a new post.
      const id = before?.kind === 'kept' ? before.id : undefined
      const isSame = id !== undefined && after?.kind === 'kept' && after.id === id
      if (id !== undefined && !isSame) {
        dropped.push({ did, rkey, id })
      }
      if (after?.kind === 'kept' && isSame) {
        const { tags, media, languages, labels } = packFacts(after.facts)
        updated.push([id, after.rev, tags, media, languages, labels])
        records.push(...recordRow(id, after.current))
        shown.push(...visiblePost(did, rkey, after))
      } else if (after?.kind === 'kept') {
        added.push({ did, rkey, post: after })
      }
    }
    await this.#deletePosts(dropped)
    await this.statements.updatePosts.run(updated)
    await this.statements.upsertRecords.run(records)
    return [...shown, ...(await this.#insertPosts(added, accounts))]
  }

  async #deletePosts(posts: readonly (RecordKey & { id: number })[]): Promise<void> {
    posts.forEach((post) => this.engagements.forgetPost(post))
    const rows = posts.map(({ id }) => [id])
    await this.statements.deletePosts.run(rows)
    await this.statements.deleteRecords.run(rows)
    await this.statements.deleteCounts.run(rows)
    await this.statements.deleteRanked.run(rows)
  }

  async #insertPosts(
    added: readonly (RecordKey & { post: KeptPost })[],
    accounts: Accounts,
  ): Promise<VisiblePost[]> {
    await this.accounts.add(
      added.map(({ did }) => did),
      accounts,
    )
    const rows = added.map(({ did, rkey, post }) => {
      const { tags, media, languages, labels } = packFacts(post.facts)
      const accountId = accounts.get(did)?.id
      return [accountId, rkey, post.rev, post.cid, post.indexedAt, tags, media, languages, labels]
    })
    const posts = new Map(added.map((entry) => [recordKey(entry), entry.post]))
    const inserted = await this.statements.insertPosts.all(rows)
    const records = inserted.flatMap(({ id, did, rkey }) =>
      recordRow(id, posts.get(recordKey({ did, rkey }))?.current),
    )
    await this.statements.upsertRecords.run(records)
    return inserted.flatMap(({ id, did, rkey }) => {
      const post = posts.get(recordKey({ did, rkey }))
      return post === undefined ? [] : visiblePost(did, rkey, { ...post, id })
    })
  }
}

/** In `created_us`. */
const NO_DATE = -1

/** Lower than every revision of a real commit, so that any later one wins. */
const LOWEST_REV = '2222222222222'

export function recordKey({ did, rkey }: RecordKey): string {
  return `${did}/${rkey}`
}

function recordRow(id: number, current: CurrentRecord | undefined): unknown[][] {
  if (current === undefined) {
    return []
  }
  const { cid, createdUs = NO_DATE, record } = current
  return [[id, cid, createdUs, record === undefined ? null : packRecord(record)]]
}

function keptPost(row: PostRow): KeptPost {
  const { id, rev, cid, indexed_at } = row
  return { kind: 'kept', id, rev, cid, indexedAt: indexed_at, facts: unpackFacts(row) }
}

/** The post as readers may see it: none when it is not kept, not yet written, or without tags. */
function visiblePost(did: string, rkey: string, state: RecordState): VisiblePost[] {
  if (state?.kind !== 'kept' || state.id === undefined || state.facts === undefined) {
    return []
  }
  const { id, cid, indexedAt, facts } = state
  return [{ id, did, rkey, cid, indexedAt, facts }]
}
