import type { Database } from '../db/database.ts'
import { packFacts, unpackFacts } from '../feeds/storedFacts.ts'
import type { Us } from '../time.ts'
import { AccountStore } from './accountStore.ts'
import type { Accounts } from './accountStore.ts'
import type { VisiblePost } from './derivedRows.ts'
import { DerivedStore } from './derivedStore.ts'
import { EngagementStore } from './engagementStore.ts'
import type { AccountState, Fate, KeptPost, RecordState, RecordTrace } from './foldRecord.ts'
import type { KeepTag } from './projectEvent.ts'
import { prepareStatements } from './statements.ts'
import type { PostRow, Statements } from './statements.ts'
import { WriterClaim } from './writerClaim.ts'

/** A record whose state a batch has changed. */
export interface RecordChange {
  readonly did: string
  readonly rkey: string
  readonly before: RecordState
  readonly after: RecordState
}

export type RecordKey = Pick<RecordChange, 'did' | 'rkey'>

/** The column `collection` of `record_trace`. */
const POSTS = 0

/** How many posts of an account are shown or hidden with one statement. */
const ACCOUNT_STEP = 1_000

/**
 * Records and accounts as rows, and the rows derived from them. Every method runs inside the
 * transaction of its caller, who calls `distrust` when it fails.
 */
export class RecordStore {
  readonly statements: Statements
  readonly claim: WriterClaim
  readonly accounts: AccountStore
  readonly derived: DerivedStore
  readonly engagements: EngagementStore

  constructor(database: Database, keepTag: KeepTag) {
    this.statements = prepareStatements(database)
    this.claim = new WriterClaim(database)
    this.accounts = new AccountStore(this.statements)
    this.engagements = new EngagementStore(this.statements, this.accounts)
    this.derived = new DerivedStore(database, this.statements, keepTag)
  }

  /** Forgets the rows that are held in memory: somebody else may have changed them. */
  forget(): void {
    this.accounts.forget()
    this.engagements.forget()
  }

  /** After a transaction that has failed: what was believed to be stored may not be. */
  distrust(): void {
    this.forget()
    this.claim.drop()
  }

  /** What is stored of some records, by `recordKey`. */
  async loadRecords(keys: readonly RecordKey[]): Promise<Map<string, RecordState>> {
    const states = new Map<string, RecordState>()
    const traces = await this.statements.tracesByKey.all(
      keys.map(({ did, rkey }) => [rkey, did, POSTS]),
    )
    for (const { rkey, did, rev, fate } of traces) {
      states.set(recordKey({ did, rkey }), { kind: 'trace', rev, fate: FATES[fate] ?? 'unkept' })
    }
    const posts = await this.statements.postsByKey.all(keys.map(({ did, rkey }) => [did, rkey]))
    for (const row of posts) {
      states.set(recordKey(row), keptPost(row))
    }
    return states
  }

  /** Writes changed records, and the derived rows of those whose account is visible. */
  async saveRecords(
    changes: readonly RecordChange[],
    accounts: Accounts,
    nowUs: Us,
  ): Promise<void> {
    const isVisible = (did: string): boolean => accounts.get(did)?.active ?? true
    await this.derived.remove(
      changes.flatMap(({ did, rkey, before }) => visiblePost(did, rkey, before)),
    )
    await this.#saveTraces(changes, nowUs)
    const shown = await this.#savePosts(changes, accounts)
    await this.derived.add(shown.filter(({ did }) => isVisible(did)))
  }

  /** Puts the posts of an account under their tags and counts what it does for others; or the reverse. */
  async showAccount(did: string, { id }: AccountState, isShown: boolean): Promise<void> {
    if (id !== undefined) {
      await this.engagements.showAccount(id, isShown)
    }
    await this.#eachPost(did, async (rows) => {
      const posts = rows.flatMap((row) => visiblePost(row.did, row.rkey, keptPost(row)))
      await (isShown ? this.derived.add(posts) : this.derived.remove(posts))
      if (!isShown) {
        await this.statements.deleteRanked.run(rows.map(({ id }) => [id]))
      }
    })
  }

  /** Erases the posts of an account; their revisions are remembered, so that no replay brings them back. */
  async eraseAccount(
    did: string,
    { id, active }: AccountState,
    { pinned, nowUs }: { pinned: readonly RecordKey[]; nowUs: Us },
  ): Promise<void> {
    if (id !== undefined) {
      await this.engagements.eraseAccount(id, { did, isCounted: active, nowUs })
    }
    await this.#eachPost(did, async (rows) => {
      const changes = rows.map((row) => {
        const after: RecordTrace = { kind: 'trace', rev: row.rev, fate: 'deleted' }
        return { did, rkey: row.rkey, before: keptPost(row), after }
      })
      await this.saveRecords(changes, new Map(), nowUs)
    })
    await this.statements.eraseExpired.run({ did })
    // A pinned post is shown without being kept: that it is gone has to be remembered all the same.
    const keys = pinned.filter((key) => key.did === did)
    const states = await this.loadRecords(keys)
    const traces = keys.map(({ rkey }) => {
      const state = states.get(recordKey({ did, rkey }))
      return [rkey, did, POSTS, state?.rev ?? LOWEST_REV, FATES.indexOf('deleted'), nowUs]
    })
    await this.statements.upsertTraces.run(traces)
  }

  /** Drops the oldest posts that are older than a moment; answers how many there were. */
  async dropOldPosts(beforeUs: Us, limit: number, nowUs: Us): Promise<number> {
    await this.derived.refreshFilters()
    const rows = await this.statements.postsBefore.all({ beforeUs, limit })
    await this.derived.remove(rows.flatMap((row) => visiblePost(row.did, row.rkey, keptPost(row))))
    await this.#deletePosts(rows)
    const fate = FATES.indexOf('expired')
    await this.statements.upsertTraces.run(
      rows.map(({ rkey, did, rev }) => [rkey, did, POSTS, rev, fate, nowUs]),
    )
    return rows.length
  }

  async dropTraces(keys: readonly (RecordKey & { collection: number })[]): Promise<void> {
    await this.statements.deleteTraces.run(
      keys.map(({ rkey, did, collection }) => [rkey, did, collection]),
    )
  }

  async #eachPost(did: string, visit: (rows: readonly PostRow[]) => Promise<void>): Promise<void> {
    let after: string | undefined = ''
    while (after !== undefined) {
      const rows: PostRow[] = await this.statements.postsOfAccount.all({
        did,
        after,
        limit: ACCOUNT_STEP,
      })
      await visit(rows)
      after = rows.length < ACCOUNT_STEP ? undefined : rows.at(-1)?.rkey
    }
  }

  async #saveTraces(changes: readonly RecordChange[], nowUs: Us): Promise<void> {
    const left = changes.flatMap(({ did, rkey, after }) =>
      after?.kind === 'trace'
        ? [[rkey, did, POSTS, after.rev, FATES.indexOf(after.fate), nowUs]]
        : [],
    )
    const gone = changes.flatMap(({ did, rkey, before, after }) =>
      before?.kind === 'trace' && after?.kind === 'kept' ? [[rkey, did, POSTS]] : [],
    )
    await this.statements.upsertTraces.run(left)
    await this.statements.deleteTraces.run(gone)
  }

  /** Answers the posts that a reader may see once their rows are written. */
  async #savePosts(changes: readonly RecordChange[], accounts: Accounts): Promise<VisiblePost[]> {
    const dropped: (RecordKey & { id: number })[] = []
    const updated: unknown[][] = []
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
        shown.push(...visiblePost(did, rkey, after))
      } else if (after?.kind === 'kept') {
        added.push({ did, rkey, post: after })
      }
    }
    await this.#deletePosts(dropped)
    await this.statements.updatePosts.run(updated)
    return [...shown, ...(await this.#insertPosts(added, accounts))]
  }

  async #deletePosts(posts: readonly (RecordKey & { id: number })[]): Promise<void> {
    posts.forEach((post) => this.engagements.forgetPost(post))
    const rows = posts.map(({ id }) => [id])
    await this.statements.deletePosts.run(rows)
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
    return inserted.flatMap(({ id, did, rkey }) => {
      const post = posts.get(recordKey({ did, rkey }))
      return post === undefined ? [] : visiblePost(did, rkey, { ...post, id })
    })
  }
}

/** By their numbers in the database, which never change. */
const FATES: readonly Fate[] = ['unkept', 'deleted', 'expired']

/** Lower than every revision of a real commit, so that any later one wins. */
const LOWEST_REV = '2222222222222'

export function recordKey({ did, rkey }: RecordKey): string {
  return `${did}/${rkey}`
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
