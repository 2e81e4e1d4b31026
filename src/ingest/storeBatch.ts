import type { Database } from '../db/database.ts'
import type { Us } from '../time.ts'
import { US_PER_MS } from '../time.ts'
import type { PostEngagement } from './engagementStore.ts'
import { UNTOLD_ACCOUNT, accountChange, afterErasure, foldRecord } from './foldRecord.ts'
import type { AccountState, RecordState } from './foldRecord.ts'
import { recordKey } from './recordStore.ts'
import type { RecordChange, RecordKey, RecordStore } from './recordStore.ts'
import type { Batch, MarkOp, PostOp, RowOp, SetAccount } from './rowOps.ts'

/** Where and how batches are stored. */
export interface BatchTarget {
  readonly database: Database
  readonly store: RecordStore
  /** Posts that feeds show without keeping them. */
  readonly pinned: readonly RecordKey[]
  /** Engagement with posts that are older is not counted. */
  readonly windowUs: Us
}

/**
 * Writes the rows and the position in one transaction: a crash replays events and never skips one.
 * Storing a batch is the same as storing its operations one by one, and twice is the same as once.
 */
export async function storeBatch(target: BatchTarget, batch: Batch, nowUs: Us): Promise<void> {
  await target.database.transaction(async () => {
    await target.store.derived.refreshFilters()
    await applyOps(target, batch, nowUs)
    const { position, lastEventUs } = batch
    if (position !== undefined) {
      await target.store.statements.savePosition.run({
        ...position,
        lagMs: Math.max(0, Math.round((nowUs - (lastEventUs ?? nowUs)) / US_PER_MS)),
        committedUs: nowUs,
      })
    }
  })
}

/**
 * An account that comes or goes is a barrier for its own records: what is before it and after it is
 * folded apart. Posts of different accounts do not touch each other, so their order is free; what an
 * account does for posts of others is applied after those posts.
 */
async function applyOps(target: BatchTarget, { ops }: Batch, nowUs: Us): Promise<void> {
  const { store } = target
  const accounts = await store.loadAccounts([...new Set(ops.filter(needsAccount).map(didOf))])
  const told = new Map<string, AccountState>()
  const pending = new Map<string, (PostOp | MarkOp)[]>()
  const flush = async (dids: readonly string[]): Promise<void> => {
    await applyRecords(
      target,
      dids.flatMap((did) => pending.get(did) ?? []),
      { accounts, nowUs },
    )
    dids.forEach((did) => pending.delete(did))
  }
  for (const op of ops) {
    if (op.kind !== 'setAccount') {
      const own = pending.get(op.did)
      if (own === undefined) {
        pending.set(op.did, [op])
      } else {
        own.push(op)
      }
      continue
    }
    const change = accountChange(accounts.get(op.did) ?? UNTOLD_ACCOUNT, op)
    if (change === 'stale') {
      continue
    }
    if (change !== 'none') {
      const engages = pending.get(op.did)?.some(isEngagement) === true
      await flush(engages ? [...pending.keys()] : [op.did])
    }
    // Looked up again: writing the pending records may have given the account its id.
    const known = accounts.get(op.did) ?? UNTOLD_ACCOUNT
    const erasedUs = change === 'erase' ? op.timeUs : known.erasedUs
    const after = { ...known, ...accountOf(op), erasedUs }
    accounts.set(op.did, after)
    told.set(op.did, after)
    if (change === 'erase') {
      await store.eraseAccount(op.did, known, { pinned: target.pinned, nowUs })
    } else if (change !== 'none') {
      await store.showAccount(op.did, known, change === 'show')
    }
  }
  await flush([...pending.keys()])
  await store.saveAccounts(told)
}

/** Nearly all records of the network are not kept: their accounts need not be known. */
function needsAccount(op: RowOp): boolean {
  return op.kind !== 'putPost' || op.facts !== undefined || isEngagement(op)
}

function isEngagement(op: RowOp): boolean {
  return op.kind === 'putPost' ? (op.engages?.length ?? 0) > 0 : op.kind === 'putMark'
}

function didOf({ did }: RowOp): string {
  return did
}

function accountOf({ active, status, time, seq }: SetAccount) {
  return { active, status, time, seq }
}

async function applyRecords(
  { store, windowUs }: BatchTarget,
  ops: readonly (PostOp | MarkOp)[],
  { accounts, nowUs }: { accounts: Map<string, AccountState>; nowUs: Us },
): Promise<void> {
  const posts = ops.filter((op) => op.kind === 'putPost' || op.kind === 'deletePost')
  const marks = ops.filter((op) => op.kind === 'putMark' || op.kind === 'deleteMark')
  const engaging = await applyPosts(store, posts, { accounts, nowUs })
  if (marks.length > 0 || engaging.length > 0) {
    const sinceUs = nowUs - windowUs
    await store.engagements.apply(marks, engaging, accounts, { nowUs, sinceUs })
  }
}

/** Answers what the changed posts are for, as far as that can have changed. */
async function applyPosts(
  store: RecordStore,
  ops: readonly PostOp[],
  { accounts, nowUs }: { accounts: Map<string, AccountState>; nowUs: Us },
): Promise<PostEngagement[]> {
  if (ops.length === 0) {
    return []
  }
  const keys = new Map<string, RecordKey>(ops.map((op) => [recordKey(op), op]))
  const before = await store.loadRecords([...keys.values()])
  const after = new Map<string, RecordState>(before)
  const winners = new Map<string, PostOp>()
  for (const op of ops) {
    const key = recordKey(op)
    const { erasedUs } = accounts.get(op.did) ?? UNTOLD_ACCOUNT
    const real = afterErasure(op, erasedUs)
    const state = foldRecord(after.get(key), real)
    if (state !== after.get(key)) {
      after.set(key, state)
      winners.set(key, real)
    }
  }
  const changes: RecordChange[] = []
  for (const [key, { did, rkey }] of keys) {
    if (after.get(key) !== before.get(key)) {
      changes.push({ did, rkey, before: before.get(key), after: after.get(key) })
    }
  }
  await store.saveRecords(changes, accounts, nowUs)
  return [...winners].flatMap(([key, op]) => {
    const { did, rkey, rev } = op
    const engages = op.kind === 'putPost' ? (op.engages ?? []) : []
    // A record that is seen for the first time has not been for anything before.
    const isFirst = op.kind === 'putPost' && before.get(key) === undefined
    return isFirst && engages.length === 0 ? [] : [{ did, rkey, rev, engages }]
  })
}
