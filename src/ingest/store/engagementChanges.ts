import { ENGAGEMENT, wordOf } from '../../posts/storedCodes.ts'
import type { EngagementKind } from '../../posts/storedCodes.ts'
import type { Us } from '../../time.ts'
import type { Engagement, MarkOp } from '../events/operations.ts'
import type { Certainty } from '../memory/recordMemory.ts'
import type { Accounts } from './accountStore.ts'
import { UNTOLD_ACCOUNT } from './foldAccount.ts'
import { foldMark } from './foldMark.ts'
import type { MarkState } from './foldMark.ts'
import type { EngagementRow } from './prepareEngagements.ts'
import type { Statements } from './statements.ts'
import { subjectKey } from './subjectStore.ts'
import type { Trace, TraceKey, TraceStore } from './traceStore.ts'

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
export interface EngagementChange {
  readonly did: string
  readonly rkey: string
  readonly kind: EngagementKind
  readonly rev: string
  readonly before: number | undefined
  readonly after: number | undefined
}

/**
 * What operations come to for the rows of `engagement`: loads what is stored of their records, folds the
 * operations over it, and writes the traces of records that are for no post of ours. Every method runs
 * inside the transaction of its caller.
 */
export class EngagementChanges {
  readonly #statements: Statements
  readonly #traces: TraceStore

  constructor(statements: Statements, traces: TraceStore) {
    this.#statements = statements
    this.#traces = traces
  }

  /** Likes and reposts, in their order. */
  async ofMarks(
    marks: readonly MarkOp[],
    accounts: Accounts,
    {
      subjects,
      nowUs,
      coveredSinceUs,
      isFirst,
    }: {
      subjects: ReadonlyMap<string, number>
      nowUs: Us
      coveredSinceUs: Us | undefined
    } & Certainty,
  ): Promise<EngagementChange[]> {
    // The first of each record: it says whether anything can be stored.
    const keys = new Map<string, MarkOp>()
    for (const op of marks) {
      const key = markKey(op)
      if (!keys.has(key)) {
        keys.set(key, op)
      }
    }
    const doubtful = [...keys.values()].filter((op) => !isFirst(op))
    const before = await this.#loadMarks(doubtful, accounts)
    const after = new Map(before)
    for (const op of marks) {
      const key = markKey(op)
      const { erasedUs } = accounts.get(op.did) ?? UNTOLD_ACCOUNT
      after.set(key, foldMark(after.get(key), op, { erasedUs, coveredSinceUs }))
    }
    const changes: EngagementChange[] = []
    const traces: Trace[] = []
    const untraced: TraceKey[] = []
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
          untraced.push({ did, rkey, traced: mark })
        }
      } else {
        // Also of one that was never for a post of ours: an older frame may still say so.
        const fate = is.isDeleted ? 'deleted' : 'unkept'
        traces.push({ did, rkey, traced: mark, rev: is.rev, fate })
      }
    }
    await this.#traces.save(traces, nowUs)
    await this.#traces.drop(untraced)
    return changes.filter(({ before, after }) => before !== undefined || after !== undefined)
  }

  async #loadMarks(
    marks: readonly MarkOp[],
    accounts: Accounts,
  ): Promise<Map<string, MarkState | undefined>> {
    const states = new Map<string, MarkState | undefined>()
    const traces = await this.#traces.load(
      marks.map(({ rkey, did, mark }) => ({ did, rkey, traced: mark })),
    )
    for (const { rkey, did, traced, rev, fate } of traces) {
      const key = markKey({ did, rkey, mark: traced === 'like' ? 'like' : 'repost' })
      states.set(key, { rev, subject: undefined, isDeleted: fate === 'deleted' })
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

  /** Replies and quotes: what changed posts are for. */
  async ofPosts(
    posts: readonly PostEngagement[],
    accounts: Accounts,
    subjects: ReadonlyMap<string, number>,
  ): Promise<EngagementChange[]> {
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
    keys: readonly Pick<EngagementChange, 'did' | 'rkey' | 'kind'>[],
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

/** What is to be remembered of a like or repost of a post that is gone; nothing of what posts do. */
export function tracesOfRow({ rkey, did, kind, rev }: StoredMark): Trace[] {
  const mark = wordOf(ENGAGEMENT, kind)
  return mark === 'like' || mark === 'repost'
    ? [{ did, rkey, traced: mark, rev, fate: 'unkept' }]
    : []
}

interface StoredMark {
  readonly rkey: string
  readonly did: string
  /** By `ENGAGEMENT`. */
  readonly kind: number
  readonly rev: string
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

function rowKey({ did, rkey, kind }: Pick<EngagementChange, 'did' | 'rkey' | 'kind'>): string {
  return `${kind}/${did}/${rkey}`
}

/** The key of a row. */
export function keyOf(
  { did, rkey, kind }: Pick<EngagementChange, 'did' | 'rkey' | 'kind'>,
  accounts: Accounts,
): [string, number, number] {
  return [rkey, accounts.get(did)?.id ?? 0, ENGAGEMENT[kind]]
}
