import type { Us } from '../../time.ts'
import { ENGAGEMENT_KINDS } from '../events/operations.ts'
import type { Engagement, EngagementKind, MarkOp } from '../events/operations.ts'
import type { Accounts } from './accountStore.ts'
import { foldMark } from './foldMark.ts'
import type { MarkState } from './foldMark.ts'
import type { EngagementRow } from './prepareEngagements.ts'
import type { Statements } from './statements.ts'
import { subjectKey } from './subjectStore.ts'

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

/** By the numbers that they have in the database. */
export const KIND = Object.fromEntries(
  ENGAGEMENT_KINDS.map((kind, index) => [kind, index]),
) as Record<EngagementKind, number>
/** The column `collection` of `record_trace`; posts are 0. */
const COLLECTION = { like: 1, repost: 2 } as const
const FATE_UNKEPT = 0
const FATE_DELETED = 1

/**
 * What operations come to for the rows of `engagement`: loads what is stored of their records, folds the
 * operations over it, and writes the traces of records that are for no post of ours. Every method runs
 * inside the transaction of its caller.
 */
export class EngagementChanges {
  readonly #statements: Statements

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /** Likes and reposts, in their order. */
  async ofMarks(
    marks: readonly MarkOp[],
    accounts: Accounts,
    { subjects, nowUs }: { subjects: ReadonlyMap<string, number>; nowUs: Us },
  ): Promise<EngagementChange[]> {
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
    const changes: EngagementChange[] = []
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

function rowKey({ did, rkey, kind }: Pick<EngagementChange, 'did' | 'rkey' | 'kind'>): string {
  return `${kind}/${did}/${rkey}`
}

/** The key of a row. */
export function keyOf(
  { did, rkey, kind }: Pick<EngagementChange, 'did' | 'rkey' | 'kind'>,
  accounts: Accounts,
): [string, number, number] {
  return [rkey, accounts.get(did)?.id ?? 0, KIND[kind]]
}
