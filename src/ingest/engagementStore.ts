import type { Us } from '../time.ts'
import { endErasingMarks, isCounted, isErased } from './accountMove.ts'
import type { AccountMove } from './accountMove.ts'
import type { AccountMoves } from './accountMoves.ts'
import type { AccountStore, Accounts } from './accountStore.ts'
import type { EngagementRow } from './engagementStatements.ts'
import { EngagementTally } from './engagementTally.ts'
import { foldMark } from './foldMark.ts'
import type { MarkState } from './foldMark.ts'
import { ENGAGEMENT_KINDS } from './rowOps.ts'
import type { Engagement, EngagementKind, MarkOp } from './rowOps.ts'
import type { Statements } from './statements.ts'
import { SubjectStore, subjectKey } from './subjectStore.ts'
import type { SubjectKey } from './subjectStore.ts'

/** What a post record is for, after a batch has changed the record. */
export interface PostEngagement {
  readonly did: string
  readonly rkey: string
  readonly rev: string
  readonly engages: readonly Engagement[]
  /** Nothing was stored of the record before. */
  readonly isFirst: boolean
}

/** One row of `engagement` as it was and as it is to be. */
interface Change {
  readonly did: string
  readonly rkey: string
  readonly kind: EngagementKind
  readonly rev: string
  readonly before: number | undefined
  readonly after: number | undefined
}

const KIND = Object.fromEntries(ENGAGEMENT_KINDS.map((kind, index) => [kind, index])) as Record<
  EngagementKind,
  number
>
/** The column `collection` of `record_trace`; posts are 0. */
const COLLECTION = { like: 1, repost: 2 } as const
const FATE_UNKEPT = 0
const FATE_DELETED = 1

/**
 * Engagement with kept posts, and the counts that follow from it: of distinct accounts, those that are
 * hidden left out. Every method runs inside the transaction of its caller; `forget` is called when it
 * fails.
 */
export class EngagementStore {
  readonly #statements: Statements
  readonly #accounts: AccountStore
  readonly #moves: AccountMoves
  readonly #subjects: SubjectStore

  constructor(statements: Statements, accounts: AccountStore, moves: AccountMoves) {
    this.#statements = statements
    this.#accounts = accounts
    this.#moves = moves
    this.#subjects = new SubjectStore(statements)
  }

  /** Nothing that is held in memory may be relied on any more. */
  forget(): void {
    this.#subjects.forget()
  }

  /** A post has no row any more. */
  forgetPost(post: SubjectKey): void {
    this.#subjects.forgetPost(post)
  }

  /** Applies likes and reposts in their order, and what changed posts are for. */
  async apply(
    marks: readonly MarkOp[],
    posts: readonly PostEngagement[],
    accounts: Accounts,
    { nowUs, sinceUs }: { nowUs: Us; sinceUs: Us },
  ): Promise<void> {
    // What is deleted of which nothing is stored needs no account.
    const dids = [
      ...marks.filter((op) => op.kind === 'putMark' || op.isFirst !== true),
      ...posts,
    ].map(({ did }) => did)
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
      ...(await this.#changesOfMarks(marks, accounts, { subjects, nowUs })),
      ...(await this.#changesOfPosts(posts, accounts, subjects)),
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
          kind: KIND[change.kind],
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
    await this.#statements.traceOfAccount.run({ accountId, did, nowUs, to })
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

  async #changesOfMarks(
    marks: readonly MarkOp[],
    accounts: Accounts,
    { subjects, nowUs }: { subjects: ReadonlyMap<string, number>; nowUs: Us },
  ): Promise<Change[]> {
    // The first of each record: it says whether anything can be stored.
    const keys = new Map<string, MarkOp>()
    for (const op of marks) {
      const key = markKey(op)
      if (!keys.has(key)) {
        keys.set(key, op)
      }
    }
    const doubtful = [...keys.values()].filter(({ isFirst }) => isFirst !== true)
    const before = await this.#loadMarks(doubtful, accounts)
    const after = new Map(before)
    for (const op of marks) {
      const key = markKey(op)
      after.set(key, foldMark(after.get(key), op, accounts.get(op.did)?.erasedUs ?? -1))
    }
    const changes: Change[] = []
    const traces: unknown[][] = []
    const untraced: unknown[][] = []
    for (const [key, { did, rkey, mark }] of keys) {
      const [was, is] = [before.get(key), after.get(key)]
      if (is === undefined || is === was) {
        continue
      }
      const postId = resolve(is.subject, subjects)
      const former = typeof was?.subject === 'number' ? was.subject : undefined
      changes.push({ did, rkey, kind: mark, rev: is.rev, before: former, after: postId })
      const isTraced = was !== undefined && was.subject === undefined
      if (postId !== undefined) {
        if (isTraced) {
          untraced.push([rkey, did, COLLECTION[mark]])
        }
      } else {
        // Also of one that was never for a post of ours: an older frame may still say so.
        const fate = is.isDeleted ? FATE_DELETED : FATE_UNKEPT
        traces.push([rkey, did, COLLECTION[mark], is.rev, fate, nowUs])
      }
    }
    await this.#statements.upsertTraces.run(traces)
    await this.#statements.deleteTraces.run(untraced)
    return changes.filter(({ before, after }) => before !== undefined || after !== undefined)
  }

  async #loadMarks(
    marks: readonly MarkOp[],
    accounts: Accounts,
  ): Promise<Map<string, MarkState | undefined>> {
    const states = new Map<string, MarkState | undefined>()
    const traces = await this.#statements.tracesByKey.all(
      marks.map(({ rkey, did, mark }) => [rkey, did, COLLECTION[mark]]),
    )
    for (const { rkey, did, collection, rev, fate } of traces) {
      const mark = collection === COLLECTION.like ? 'like' : 'repost'
      const isDeleted = fate === FATE_DELETED
      states.set(markKey({ did, rkey, mark }), { rev, subject: undefined, isDeleted })
    }
    const rows = await this.#loadRows(
      marks.map(({ did, rkey, mark }) => ({ did, rkey, kind: mark })),
      accounts,
    )
    for (const { did, rkey, mark } of marks) {
      const row = rows.get(rowKey({ did, rkey, kind: mark }))
      if (row !== undefined) {
        states.set(markKey({ did, rkey, mark }), {
          rev: row.rev,
          subject: row.post_id,
          isDeleted: false,
        })
      }
    }
    return states
  }

  async #changesOfPosts(
    posts: readonly PostEngagement[],
    accounts: Accounts,
    subjects: ReadonlyMap<string, number>,
  ): Promise<Change[]> {
    const kinds = ['reply', 'quote'] as const
    const keys = posts
      .filter(({ isFirst }) => !isFirst)
      .flatMap(({ did, rkey }) => kinds.map((kind) => ({ did, rkey, kind })))
    const rows = await this.#loadRows(keys, accounts)
    return posts.flatMap(({ did, rkey, rev, engages }) =>
      kinds.flatMap((kind) => {
        const before = rows.get(rowKey({ did, rkey, kind }))?.post_id
        const after = resolve(
          engages.find((engagement) => engagement.kind === kind),
          subjects,
        )
        return before === undefined && after === undefined
          ? []
          : [{ did, rkey, kind, rev, before, after }]
      }),
    )
  }

  async #loadRows(
    keys: readonly Pick<Change, 'did' | 'rkey' | 'kind'>[],
    accounts: Accounts,
  ): Promise<Map<string, EngagementRow>> {
    // An account without a row has never engaged.
    const known = keys.filter(({ did }) => accounts.get(did)?.id !== undefined)
    const rows = await this.#statements.engagementsByKey.all(
      known.map((key) => keyOf(key, accounts)),
    )
    const byId = new Map(
      rows.map((row) => [`${row.account_id}/${row.rkey}/${row.kind}`, row] as const),
    )
    return new Map(
      known.flatMap((key) => {
        const [rkey, accountId, kind] = keyOf(key, accounts)
        const row = byId.get(`${accountId}/${rkey}/${kind}`)
        return row === undefined ? [] : [[rowKey(key), row] as const]
      }),
    )
  }
}

/** The row of `record_trace` for a like or repost of a post that is gone; none for what posts do. */
export function traceOfMark(
  { rkey, did, kind, rev }: { rkey: string; did: string; kind: number; rev: string },
  nowUs: Us,
): unknown[][] {
  const mark = ENGAGEMENT_KINDS[kind]
  return mark === 'like' || mark === 'repost'
    ? [[rkey, did, COLLECTION[mark], rev, FATE_UNKEPT, nowUs]]
    : []
}

function resolve(
  subject: MarkState['subject'],
  subjects: ReadonlyMap<string, number>,
): number | undefined {
  return typeof subject === 'object' ? subjects.get(subjectKey(subject)) : subject
}

function markKey({ did, rkey, mark }: Pick<MarkOp, 'did' | 'rkey' | 'mark'>): string {
  return `${mark}/${did}/${rkey}`
}

function rowKey({ did, rkey, kind }: Pick<Change, 'did' | 'rkey' | 'kind'>): string {
  return `${kind}/${did}/${rkey}`
}

function keyOf(
  { did, rkey, kind }: Pick<Change, 'did' | 'rkey' | 'kind'>,
  accounts: Accounts,
): [string, number, number] {
  return [rkey, accounts.get(did)?.id ?? 0, KIND[kind]]
}
