import type { Us } from '../../time.ts'
import { areMarksMoved, arePostsMoved, endErasingMarks, isErasing } from './accountMove.ts'
import type { AccountMove } from './accountMove.ts'
import type { Accounts } from './accountStore.ts'
import type { RecordStore } from './recordStore.ts'
import type { PostRow } from './statements.ts'

/** Rows that are looked at at once, for one account. */
export const STEP = 200

const END = Number.MAX_SAFE_INTEGER
/** Above every record key. */
const LAST_RKEY = '\u007F'

/**
 * The steps in which an account is moved (`accountMove.ts`). Every step runs inside the transaction of its
 * caller, who saves the moves.
 */
export class AccountSteps {
  readonly #store: RecordStore
  readonly #limit: number

  constructor(store: RecordStore, limit: number) {
    this.#store = store
    this.#limit = limit
  }

  /**
   * One thing at a time: what is erased first, since nobody may see it. Answers how many rows were looked
   * at.
   */
  async step(did: string, accounts: Accounts, nowUs: Us): Promise<number> {
    const { moves } = this.#store
    const move = moves.of(did)
    if (move === undefined) {
      return 0
    }
    const active = accounts.get(did)?.active ?? true
    moves.touch(did)
    if (isErasing(move)) {
      return await this.#erase(move, active, nowUs)
    }
    if (move.eventsTo > 0) {
      return await this.#eraseActivity(move)
    }
    if (!arePostsMoved(move, active)) {
      return await (move.shownBefore === active ? this.#movePostsBack(move) : this.#movePosts(move))
    }
    if (!areMarksMoved(move, active)) {
      return await (move.countedBefore === active
        ? this.#moveMarksBack(move)
        : this.#moveMarks(move))
    }
    return 0
  }

  async #erase(move: AccountMove, active: boolean, nowUs: Us): Promise<number> {
    const store = this.#store
    const { accountId, did } = move
    if (move.eraseTo >= 0) {
      const rows = await store.statements.postsUpTo.all({
        accountId,
        lastId: move.eraseTo,
        limit: this.#limit,
      })
      await store.erasePosts(rows, nowUs)
      if (
        rows.length < this.#limit &&
        (await store.traces.eraseExpired(did, this.#limit)) < this.#limit
      ) {
        move.eraseTo = -1
      }
      return rows.length
    }
    const { to, rows } = await this.#engagedAfter(accountId, -1)
    await store.engagements.erase(move, to, nowUs)
    if (to === END) {
      endErasingMarks(move, active)
    }
    return rows
  }

  async #eraseActivity(move: AccountMove): Promise<number> {
    const { accountId, eventsTo } = move
    const { to, rows } = await this.#store.activity.eraseAccount(accountId, eventsTo, this.#limit)
    move.eventsTo = to
    return rows
  }

  /** The highest record keys first: those are times, and readers look at the newest posts. */
  async #movePosts(move: AccountMove): Promise<number> {
    const store = this.#store
    const rows: PostRow[] = await store.statements.postsBelow.all({
      accountId: move.accountId,
      rkey: move.shownFrom ?? LAST_RKEY,
      limit: this.#limit,
    })
    await store.showPosts(rows, !move.shownBefore)
    move.shownFrom = rows.at(-1)?.rkey
    if (rows.length < this.#limit) {
      move.shownBefore = !move.shownBefore
      move.shownFrom = undefined
    }
    return rows.length
  }

  async #movePostsBack(move: AccountMove): Promise<number> {
    const store = this.#store
    const rows: PostRow[] = await store.statements.postsFrom.all({
      accountId: move.accountId,
      rkey: move.shownFrom ?? LAST_RKEY,
      limit: this.#limit + 1,
    })
    await store.showPosts(rows.slice(0, this.#limit), move.shownBefore)
    move.shownFrom = rows[this.#limit]?.rkey
    return rows.length
  }

  async #moveMarks(move: AccountMove): Promise<number> {
    const { accountId, countedTo, countedBefore } = move
    const { to, rows } = await this.#engagedAfter(accountId, countedTo)
    await this.#store.engagements.count(accountId, !countedBefore, { after: countedTo, to })
    move.countedTo = to
    if (to === END) {
      move.countedBefore = !countedBefore
      move.countedTo = 0
    }
    return rows
  }

  async #moveMarksBack(move: AccountMove): Promise<number> {
    const { accountId, countedTo, countedBefore } = move
    const { statements, engagements } = this.#store
    const rows = await statements.engagedUpTo.all({
      accountId,
      postId: countedTo,
      limit: this.#limit,
    })
    const after = rows.length < this.#limit ? 0 : (rows.at(-1)?.post_id ?? 1) - 1
    await engagements.count(accountId, countedBefore, { after, to: countedTo })
    move.countedTo = after
    return rows.length
  }

  /** Up to which post the next engagements of an account are moved at once. */
  async #engagedAfter(accountId: number, postId: number): Promise<{ to: number; rows: number }> {
    const rows = await this.#store.statements.engagedAfter.all({
      accountId,
      postId,
      limit: this.#limit,
    })
    const to = rows.length < this.#limit ? END : (rows.at(-1)?.post_id ?? END)
    return { to, rows: rows.length }
  }
}
