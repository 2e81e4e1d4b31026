import type { Database } from '../db/database.ts'
import type { Us } from '../time.ts'
import { US_PER_MS } from '../time.ts'
import { UNTOLD_ACCOUNT, accountChange, afterErasure, foldRecord } from './foldRecord.ts'
import type { AccountState, RecordState } from './foldRecord.ts'
import { recordKey } from './recordStore.ts'
import type { RecordChange, RecordKey, RecordStore } from './recordStore.ts'
import type { Batch, RecordOp, RowOp, SetAccount } from './rowOps.ts'

/** Where and how batches are stored. */
export interface BatchTarget {
  readonly database: Database
  readonly store: RecordStore
  /** Posts that feeds show without keeping them. */
  readonly pinned: readonly RecordKey[]
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
 * folded apart. Records of different accounts do not touch each other, so their order is free.
 */
async function applyOps(target: BatchTarget, { ops }: Batch, nowUs: Us): Promise<void> {
  const { store } = target
  const accounts = await store.loadAccounts([...new Set(ops.filter(needsAccount).map(didOf))])
  const told = new Map<string, AccountState>()
  const pending = new Map<string, RecordOp[]>()
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
      await applyRecords(store, pending.get(op.did) ?? [], accounts, nowUs)
      pending.delete(op.did)
    }
    // Looked up again: writing the pending records may have given the account its id.
    const known = accounts.get(op.did) ?? UNTOLD_ACCOUNT
    const erasedUs = change === 'erase' ? op.timeUs : known.erasedUs
    const after = { ...known, ...accountOf(op), erasedUs }
    accounts.set(op.did, after)
    told.set(op.did, after)
    if (change === 'erase') {
      await store.eraseAccount(op.did, target.pinned, nowUs)
    } else if (change !== 'none') {
      await store.showAccount(op.did, change === 'show')
    }
  }
  await applyRecords(store, [...pending.values()].flat(), accounts, nowUs)
  await store.saveAccounts(told)
}

/** Nearly all records of the network are not kept: their accounts need not be known. */
function needsAccount(op: RowOp): boolean {
  return op.kind === 'setAccount' || (op.kind === 'putPost' && op.facts !== undefined)
}

function didOf({ did }: RowOp): string {
  return did
}

function accountOf({ active, status, time, seq }: SetAccount) {
  return { active, status, time, seq }
}

async function applyRecords(
  store: RecordStore,
  ops: readonly RecordOp[],
  accounts: Map<string, AccountState>,
  nowUs: Us,
): Promise<void> {
  if (ops.length === 0) {
    return
  }
  const keys = new Map<string, RecordKey>(ops.map((op) => [recordKey(op), op]))
  const before = await store.loadRecords([...keys.values()])
  const after = new Map<string, RecordState>(before)
  for (const op of ops) {
    const key = recordKey(op)
    const { erasedUs } = accounts.get(op.did) ?? UNTOLD_ACCOUNT
    after.set(key, foldRecord(after.get(key), afterErasure(op, erasedUs)))
  }
  const changes: RecordChange[] = []
  for (const [key, { did, rkey }] of keys) {
    if (after.get(key) !== before.get(key)) {
      changes.push({ did, rkey, before: before.get(key), after: after.get(key) })
    }
  }
  await store.saveRecords(changes, accounts, nowUs)
}
