import { ENGAGEMENT } from '../../posts/storedCodes.ts'
import type { Us } from '../../time.ts'
import type { MarkOp } from '../events/operations.ts'
import type { Certainty, RecordMemory } from '../memory/recordMemory.ts'
import { endErasingMarks, isCounted, isErased } from './accountMove.ts'
import type { AccountMove } from './accountMove.ts'
import type { AccountMoves } from './accountMoves.ts'
import type { AccountStore, Accounts } from './accountStore.ts'
import { EngagementChanges, keyOf } from './engagementChanges.ts'
import type { PostEngagement } from './engagementChanges.ts'
import { EngagementTally } from './engagementTally.ts'
import type { Statements } from './statements.ts'
import { SubjectStore, subjectKey } from './subjectStore.ts'
import type { SubjectKey } from './subjectStore.ts'
import type { TraceStore } from './traceStore.ts'

/** Somebody has seen a post: its author and record key. */
export interface View {
  readonly viewer: string
  readonly did: string
  readonly rkey: string
}

/** Begins the keys of views: no record has such a key among those that are times. */
const VIEW = 'view:'

export interface EngagementNeeds {
  readonly accounts: AccountStore
  readonly moves: AccountMoves
  readonly traces: TraceStore
  readonly memory: Pick<RecordMemory, 'hold'>
}

/**
 * Engagement with kept posts, and the counts that follow from it: of distinct accounts, those that are
 * hidden left out. Every method runs inside the transaction of its caller.
 */
export class EngagementStore {
  readonly #statements: Statements
  readonly #accounts: AccountStore
  readonly #moves: AccountMoves
  readonly #traces: TraceStore
  readonly #changes: EngagementChanges
  readonly #subjects: SubjectStore

  constructor(statements: Statements, { accounts, moves, traces, memory }: EngagementNeeds) {
    this.#statements = statements
    this.#accounts = accounts
    this.#moves = moves
    this.#traces = traces
    this.#changes = new EngagementChanges(statements, traces)
    this.#subjects = new SubjectStore(statements, memory)
  }

  /** A post has no row any more. */
  forgetPost(post: SubjectKey): void {
    this.#subjects.forget(post)
  }

  /** Applies likes and reposts in their order, and what changed posts are for. */
  async apply(
    marks: readonly MarkOp[],
    posts: readonly PostEngagement[],
    accounts: Accounts,
    {
      nowUs,
      sinceUs,
      coveredSinceUs,
      isFirst,
    }: { nowUs: Us; sinceUs: Us; coveredSinceUs?: Us | undefined } & Certainty,
  ): Promise<void> {
    // What is deleted of which nothing is stored needs no account.
    const dids = [...marks.filter((op) => op.kind === 'putMark' || !isFirst(op)), ...posts].map(
      ({ did }) => did,
    )
    await this.#accounts.complete(dids, accounts)
    await this.#endErasing(dids, accounts, nowUs)
    const subjects = await this.#findSubjects(
      [
        ...marks.flatMap((op) => (op.kind === 'putMark' && op.engagement ? [op.engagement] : [])),
        ...posts.flatMap(({ engages }) => engages),
      ],
      sinceUs,
    )
    const changes = [
      ...(await this.#changes.ofMarks(marks, accounts, {
        ...{ subjects, nowUs, coveredSinceUs, isFirst },
      })),
      ...(await this.#changes.ofPosts(posts, accounts, subjects)),
    ]
    const moved = changes.filter(({ before, after }) => before !== after)
    // An account that has no row yet has never engaged with anything.
    const strangers = await this.#accounts.add(
      changes.filter(({ after }) => after !== undefined).map(({ did }) => did),
      accounts,
    )
    const tally = new EngagementTally()
    for (const change of moved) {
      const { id = 0, active = true } = accounts.get(change.did) ?? {}
      const move = this.#moves.of(change.did)
      const counted = (postId: number | undefined): number | undefined =>
        postId !== undefined && isCounted(move, active, postId) ? postId : undefined
      tally.move(
        {
          kind: ENGAGEMENT[change.kind],
          accountId: id,
          before: counted(change.before),
          after: counted(change.after),
        },
        strangers.has(change.did),
      )
    }
    const times = await this.#statements.engagementTimes.all(tally.asked)
    const deltas = tally.deltas(times)
    await this.#statements.deleteEngagements.run(
      changes
        .filter(({ before, after }) => before !== undefined && after === undefined)
        .map((change) => keyOf(change, accounts)),
    )
    await this.#statements.upsertEngagements.run(
      changes
        .filter(({ after }) => after !== undefined)
        .map((change) => [...keyOf(change, accounts), change.rev, change.after]),
    )
    await this.#statements.addToCounts.run(deltas)
  }

  /** Views, of which an account has one of a post however often it sees it; never of its own. */
  async see(
    views: readonly View[],
    accounts: Accounts,
    { nowUs, sinceUs }: { nowUs: Us; sinceUs: Us },
  ): Promise<void> {
    await this.#endErasing(
      views.map(({ viewer }) => viewer),
      accounts,
      nowUs,
    )
    const others = views.filter(({ viewer, did }) => viewer !== did)
    const keys = others.map(({ did, rkey }) => ({ kind: 'view', did, rkey }) as const)
    const subjects = await this.#findSubjects(keys, sinceUs)
    const changes = others.flatMap(({ viewer, did, rkey }) => {
      const after = subjects.get(subjectKey({ did, rkey }))
      const key = { did: viewer, rkey: `${VIEW}${did}/${rkey}`, kind: 'view', rev: '' } as const
      return after === undefined ? [] : [{ ...key, before: undefined, after }]
    })
    await this.#accounts.add(
      changes.map(({ did }) => did),
      accounts,
    )
    const rows = changes.map((change) => [...keyOf(change, accounts), change.rev, change.after])
    const stored = await this.#statements.engagementsByKey.all(rows.map((row) => row.slice(0, 3)))
    const seen = new Set(stored.map(({ rkey, account_id }) => `${account_id}/${rkey}`))
    const deltas = new Map<number, number>()
    for (const { did, rkey, after } of changes) {
      const { id = 0, active = true } = accounts.get(did) ?? {}
      if (!seen.has(`${id}/${rkey}`) && isCounted(this.#moves.of(did), active, after)) {
        deltas.set(after, (deltas.get(after) ?? 0) + 1)
      }
    }
    await this.#statements.upsertEngagements.run(rows)
    await this.#statements.addToCounts.run(
      [...deltas].map(([postId, count]) => [postId, 0, 0, 0, 0, count]),
    )
  }

  /** What an account has done for posts within some ids counts again, or does not count any more. */
  async count(
    accountId: number,
    isCounted: boolean,
    { after, to }: { after: number; to: number },
  ): Promise<void> {
    const sign = isCounted ? 1 : -1
    await this.#statements.addAccountToCounts.run({ accountId, sign, after, to })
  }

  /**
   * Erases what an account has done for posts with ids up to one. Revisions are remembered, so that no
   * replay brings a like back.
   */
  async erase(move: AccountMove, to: number, nowUs: Us): Promise<void> {
    const { accountId, did, countedBefore, countedTo } = move
    // On one side of the cut it is counted, on the other it is not.
    const counted = countedBefore
      ? { after: Math.min(countedTo, to), to }
      : { after: -1, to: Math.min(countedTo, to) }
    await this.count(accountId, false, counted)
    await this.#traces.saveErasedMarks({ accountId, did }, to, nowUs)
    await this.#statements.deleteOfAccount.run({ accountId, to })
  }

  /** What comes after an erasure is not to be taken for what was before it. */
  async #endErasing(dids: readonly string[], accounts: Accounts, nowUs: Us): Promise<void> {
    for (const did of this.#moves.isEmpty ? [] : new Set(dids)) {
      const move = this.#moves.of(did)
      if (move?.erasesMarks === true) {
        await this.erase(move, Number.MAX_SAFE_INTEGER, nowUs)
        endErasingMarks(move, accounts.get(did)?.active ?? true)
        this.#moves.touch(did)
      }
    }
  }

  /** The ids of posts that are kept, but for those that are to be erased. */
  async #findSubjects(keys: readonly SubjectKey[], sinceUs: Us): Promise<Map<string, number>> {
    const subjects = await this.#subjects.find(keys, sinceUs)
    for (const key of this.#moves.isEmpty ? [] : keys) {
      const id = subjects.get(subjectKey(key))
      if (id !== undefined && isErased(this.#moves.of(key.did), id)) {
        subjects.delete(subjectKey(key))
      }
    }
    return subjects
  }
}
