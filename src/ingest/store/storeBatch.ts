import { US_PER_MS } from '../../time.ts'
import type { Us } from '../../time.ts'
import type { Batch, MarkOp, Operation, PostOp, SetFollow } from '../events/operations.ts'
import type { Certainty } from '../memory/recordMemory.ts'
import { beginMove, isMoved } from './accountMove.ts'
import { AccountSteps, STEP } from './accountSteps.ts'
import type { Accounts } from './accountStore.ts'
import { postEventOf } from './activityLog.ts'
import type { PostEvent } from './activityLog.ts'
import { DOUBT_AFTER_US } from './doubt.ts'
import type { Doubt } from './doubt.ts'
import type { PostEngagement } from './engagementChanges.ts'
import { UNTOLD_ACCOUNT, changeOf, foldAccount, noteToldAgain } from './foldAccount.ts'
import type { AccountState } from './foldAccount.ts'
import { afterErasure, foldRecord } from './foldRecord.ts'
import type { RecordState } from './foldRecord.ts'
import { recordKey } from './recordStore.ts'
import type { RecordKey, RecordStore } from './recordStore.ts'

/** Where and how batches are stored. */
export interface BatchTarget {
  readonly store: RecordStore
  /** Posts that feeds show without keeping them. */
  readonly pinned: readonly RecordKey[]
  /** Engagement with posts that are older is not counted. */
  readonly windowUs: Us
  /** The earlier of our clock and the stream: the window ends here. Our clock, when it is left out. */
  readonly reachedUs?: (nowUs: Us) => Us
  /** From here on all of the stream has been read. Left out: nothing is known of that. */
  readonly coveredSinceUs?: () => Us
  /** Told of accounts that write though they are hidden as deactivated. */
  readonly onDoubt?: (doubt: Doubt) => void
  /** So many rows of accounts that come and go are moved with a batch, the others after it. */
  readonly rowsAtOnce?: number
}

/** A few milliseconds. */
const ROWS_AT_ONCE = 300

/**
 * Writes the rows and the position in one transaction: a crash replays events and never skips one.
 * Storing a batch is the same as storing its operations one by one, and twice is the same as once.
 */
export async function storeBatch(target: BatchTarget, batch: Batch, nowUs: Us): Promise<void> {
  const { store } = target
  const { position, lastEventUs, gap } = batch
  const reachedUs = lastEventUs ?? position?.timeUs ?? target.reachedUs?.(nowUs) ?? nowUs
  await store.write({ nowUs, reachedUs }, async (certainty) => {
    await applyOps(target, batch.ops, { nowUs, ...certainty })
    if (position !== undefined) {
      await store.statements.savePosition.run({
        ...position,
        // Below zero: it stays as it was.
        lagMs:
          lastEventUs === undefined
            ? -1
            : Math.max(0, Math.round((nowUs - lastEventUs) / US_PER_MS)),
        committedUs: nowUs,
      })
    }
    if (gap !== undefined) {
      await store.statements.saveGap.run({ ...gap })
    }
  })
}

type RecordOp = PostOp | MarkOp

/**
 * Posts of different accounts do not touch each other, so their order is free; what an account does for
 * posts of others is applied after those posts. An account that comes or goes changes no row of its
 * records now (`accountMove.ts`), so that neither matters where among them it is told. One that is
 * deleted is a barrier: what is before it is erased, what is after it is not.
 */
async function applyOps(
  target: BatchTarget,
  ops: readonly Operation[],
  { nowUs, isFirst }: { nowUs: Us } & Certainty,
): Promise<void> {
  const { store } = target
  const needed = ops.filter((op) => needsAccount(op, store, { isFirst }))
  const accounts = await store.accounts.load(needed.map(didOf))
  const coveredSinceUs = target.coveredSinceUs?.()
  const orderOf = orderOfOps(ops)
  const surroundings = { accounts, nowUs, isFirst, coveredSinceUs, orderOf }
  const told: Accounts = new Map()
  let pending: RecordOp[] = []
  const follows: SetFollow[] = []
  for (const op of ops) {
    if (op.kind === 'setFollow') {
      follows.push(op)
      continue
    }
    if (op.kind !== 'setAccount') {
      pending.push(op)
      continue
    }
    const before = accounts.get(op.did) ?? UNTOLD_ACCOUNT
    const after = foldAccount(before, op)
    if (after === undefined) {
      const seen = noteToldAgain(before, op)
      if (seen !== undefined) {
        accounts.set(op.did, seen)
        told.set(op.did, seen)
      }
      continue
    }
    if (before.active !== after.active || before.status !== after.status) {
      const { active, status } = after
      await store.activity.noteAccount(
        { kind: 'account', did: op.did, active, status },
        orderOf(op),
      )
    }
    const change = changeOf(before, op)
    if (change === 'erase') {
      const own = pending.filter(({ did }) => did === op.did)
      const isAlone = !own.some(isEngagement)
      await applyRecords(target, isAlone ? own : pending, surroundings)
      store.activity.eraseNoted(op.did, orderOf(op))
      if (own.length > 0) {
        pending = isAlone ? pending.filter(({ did }) => did !== op.did) : []
      }
      await store.eraseAccount(op.did, accounts, { pinned: target.pinned, nowUs })
      await store.follows.erase(op.did)
    } else if (change !== 'none') {
      beginMoving(store, op.did, before)
    }
    // Its id may have been given meanwhile.
    const { id } = accounts.get(op.did) ?? before
    accounts.set(op.did, { ...after, id })
    told.set(op.did, { ...after, id })
  }
  await applyRecords(target, pending, surroundings)
  if (follows.length > 0) {
    await store.follows.apply(follows, nowUs)
  }
  noteDoubts(target, ops, accounts)
  await store.accounts.save(told)
  await moveAtOnce(target, told.keys(), surroundings)
  await store.moves.save(accounts)
}

/** Those that write though they are hidden as deactivated. Likes of posts that are not kept do not show. */
function noteDoubts({ onDoubt }: BatchTarget, ops: readonly Operation[], accounts: Accounts): void {
  for (const op of onDoubt === undefined ? [] : ops) {
    const account = accounts.get(op.did)
    if (account === undefined || account.active || account.status !== 'deactivated') {
      continue
    }
    const seenUs = op.kind === 'putPost' || op.kind === 'putMark' ? op.timeUs : 0
    if (seenUs >= account.toldUs + DOUBT_AFTER_US && seenUs < Number.MAX_SAFE_INTEGER) {
      onDoubt?.({ did: op.did, toldUs: account.toldUs, seenUs })
    }
  }
}

/** Accounts with few rows, which are nearly all, come and go with the batch that tells of it. */
async function moveAtOnce(
  { store, rowsAtOnce = ROWS_AT_ONCE }: BatchTarget,
  dids: Iterable<string>,
  { accounts, nowUs }: Surroundings,
): Promise<void> {
  const steps = new AccountSteps(store, STEP)
  let left = rowsAtOnce
  for (const did of dids) {
    const isActive = accounts.get(did)?.active ?? true
    const move = store.moves.of(did)
    const isLeft = (): boolean => move !== undefined && !isMoved(move, isActive)
    while (left > 0 && isLeft()) {
      left -= 1 + (await steps.step(did, accounts, nowUs))
    }
  }
}

/** Nothing is to be moved of an account of which nothing is stored. */
function beginMoving({ moves }: RecordStore, did: string, { id, active }: AccountState): void {
  if (id !== undefined && moves.of(did) === undefined) {
    moves.add(beginMove(id, did, active))
  }
  moves.touch(did)
}

/**
 * Nearly all records of the network are not kept: their accounts need not be known. Nor are those of
 * deleted records of which nothing is stored.
 */
function needsAccount(op: Operation, { accounts }: RecordStore, { isFirst }: Certainty): boolean {
  switch (op.kind) {
    case 'putPost':
      return op.facts !== undefined || isEngagement(op) || accounts.mayBeDeactivated(op.did)
    case 'deletePost':
    case 'deleteMark':
      return !isFirst(op)
    case 'putMark':
    case 'setAccount':
      return true
    case 'setFollow':
      return false
  }
}

function isEngagement(op: RecordOp): boolean {
  return op.kind === 'putPost' ? (op.engages?.length ?? 0) > 0 : op.kind === 'putMark'
}

type OrderOf = (op: Operation) => number

/**
 * Where in its batch an operation is. Records are folded one after the other, but accounts that come and
 * go among them are not: only then what happened has to be put in order.
 */
function orderOfOps(ops: readonly Operation[]): OrderOf {
  if (!ops.some(({ kind }) => kind === 'setAccount')) {
    return () => 0
  }
  const order = new Map(ops.map((op, index) => [op, index]))
  return (op) => order.get(op) ?? 0
}

function didOf({ did }: Operation): string {
  return did
}

interface Surroundings extends Certainty {
  readonly accounts: Accounts
  readonly nowUs: Us
  readonly coveredSinceUs: Us | undefined
  readonly orderOf: OrderOf
}

async function applyRecords(
  { store, windowUs, reachedUs }: BatchTarget,
  ops: readonly RecordOp[],
  surroundings: Surroundings,
): Promise<void> {
  const posts: PostOp[] = []
  const marks: MarkOp[] = []
  for (const op of ops) {
    if (op.kind === 'putPost' || op.kind === 'deletePost') {
      posts.push(op)
    } else {
      marks.push(op)
    }
  }
  const { accounts, nowUs } = surroundings
  const engaging = await applyPosts(store, posts, surroundings)
  if (marks.length > 0 || engaging.length > 0) {
    const sinceUs = (reachedUs?.(nowUs) ?? nowUs) - windowUs
    await store.engagements.apply(marks, engaging, accounts, { ...surroundings, sinceUs })
  }
}

/** A record that a batch touches: as it was, as it is, and the operation that made it so. */
interface TouchedRecord {
  readonly did: string
  readonly rkey: string
  readonly isFirst: boolean
  before: RecordState
  after: RecordState
  winner: PostOp | undefined
}

/** Answers what the changed posts are for, as far as that can have changed. */
async function applyPosts(
  store: RecordStore,
  ops: readonly PostOp[],
  surroundings: Surroundings,
): Promise<PostEngagement[]> {
  if (ops.length === 0) {
    return []
  }
  const { accounts, nowUs, isFirst, orderOf } = surroundings
  const touched = new Map<string, TouchedRecord>()
  const recordOf = (op: PostOp): TouchedRecord => {
    const key = recordKey(op)
    const found = touched.get(key)
    if (found !== undefined) {
      return found
    }
    const { did, rkey } = op
    const nothing = { before: undefined, after: undefined, winner: undefined }
    const record: TouchedRecord = { did, rkey, isFirst: isFirst(op), ...nothing }
    touched.set(key, record)
    return record
  }
  const records = ops.map(recordOf)
  const doubtful = [...touched.values()].filter((record) => !record.isFirst)
  for (const [key, state] of await store.loadRecords(doubtful, nowUs)) {
    const record = touched.get(key)
    if (record !== undefined) {
      record.before = state
      record.after = state
    }
  }
  ops.forEach((op, index) => {
    const event = foldInto(records[index], op, surroundings)
    if (event !== undefined) {
      store.activity.note(event, orderOf(op))
    }
  })
  const changes = [...touched.values()].filter(({ before, after }) => before !== after)
  await store.saveRecords(changes, accounts, nowUs)
  return changes.flatMap(engagementOf)
}

/** Returns what has happened to a post that is kept: each change, also of one that the batch folds. */
function foldInto(
  record: TouchedRecord | undefined,
  op: PostOp,
  { accounts, coveredSinceUs }: Surroundings,
): PostEvent | undefined {
  if (record === undefined) {
    return undefined
  }
  const { erasedUs } = accounts.get(op.did) ?? UNTOLD_ACCOUNT
  const real = afterErasure(op, erasedUs, coveredSinceUs)
  const state = foldRecord(record.after, real)
  if (state === record.after) {
    return undefined
  }
  const event = postEventOf(op, record.after, state, real.kind === 'putPost' ? real.cid : undefined)
  record.after = state
  record.winner = real
  return event
}

function engagementOf({ did, rkey, before, isFirst, winner }: TouchedRecord): PostEngagement[] {
  if (winner === undefined) {
    return []
  }
  const engages = winner.kind === 'putPost' ? (winner.engages ?? []) : []
  // A record that is seen for the first time has not been for anything before.
  const isNew = before === undefined && (isFirst || winner.kind === 'putPost')
  return isNew && engages.length === 0 ? [] : [{ did, rkey, rev: winner.rev, engages, isFirst }]
}
