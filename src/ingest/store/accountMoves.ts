import { authorPrefix } from '../../posts/isAuthorShown.ts'
import type { HeldRows, RecordMemory } from '../memory/recordMemory.ts'
import { isErasing, isMoved } from './accountMove.ts'
import type { AccountMove } from './accountMove.ts'
import type { Accounts } from './accountStore.ts'
import type { Statements } from './statements.ts'

/**
 * The accounts of which something is still to be moved: nearly always none, and all of them are held in
 * memory. Every method runs inside the transaction of its caller.
 */
export class AccountMoves implements HeldRows {
  readonly #statements: Statements
  #moves: Map<string, AccountMove> | undefined
  /** Changed since they were last written. */
  readonly #touched = new Set<string>()

  constructor(statements: Statements, memory: Pick<RecordMemory, 'hold'>) {
    this.#statements = statements
    memory.hold(this)
  }

  /** Nothing that is held may be relied on any more. */
  clear(): void {
    this.#moves = undefined
    this.#touched.clear()
  }

  /** Whether it is certain that nothing is to be moved. */
  get isEmpty(): boolean {
    return this.#moves?.size === 0
  }

  /** Has to be called before all that follows, once a transaction. */
  async load(): Promise<void> {
    if (this.#moves !== undefined) {
      return
    }
    const rows = await this.#statements.accountMoves.all({})
    this.#moves = new Map(
      rows.map((row) => [
        row.did,
        {
          accountId: row.account_id,
          did: row.did,
          shownBefore: row.shown_before === 1,
          shownFrom: row.shown_from ?? undefined,
          countedBefore: row.counted_before === 1,
          countedTo: row.counted_to,
          eraseTo: row.erase_to,
          erasesMarks: row.erases_marks === 1,
          hides: row.hides === 1,
          eventsTo: row.events_to,
        },
      ]),
    )
  }

  of(did: string): AccountMove | undefined {
    return this.#moves?.get(did)
  }

  add(move: AccountMove): AccountMove {
    this.#moves?.set(move.did, move)
    this.#touched.add(move.did)
    return move
  }

  /** It has changed, or its account has. */
  touch(did: string): void {
    this.#touched.add(did)
  }

  /** Their DIDs, those after one of them first: each gets its turn. */
  after(did: string): string[] {
    const dids = [...(this.#moves?.keys() ?? [])].toSorted()
    const first = dids.findIndex((other) => other > did)
    return first === -1 ? dids : [...dids.slice(first), ...dids.slice(0, first)]
  }

  /** Writes how far those are that have changed; those that are as their account is now are done. */
  async save(accounts: Accounts): Promise<void> {
    const done: AccountMove[] = []
    const left: AccountMove[] = []
    const hidden: unknown[][] = []
    const unhidden: unknown[][] = []
    for (const did of this.#touched) {
      const move = this.#moves?.get(did)
      if (move === undefined) {
        continue
      }
      const active = accounts.get(did)?.active ?? true
      const isDone = isMoved(move, active)
      ;(isDone ? done : left).push(move)
      const hides = !isDone && (!active || isErasing(move))
      if (hides !== move.hides) {
        ;(hides ? hidden : unhidden).push([authorPrefix(did)])
        move.hides = hides
      }
    }
    await this.#statements.addHiddenAuthors.run(hidden)
    await this.#statements.deleteHiddenAuthors.run(unhidden)
    await this.#statements.deleteAccountMoves.run(done.map(({ accountId }) => [accountId]))
    await this.#statements.saveAccountMoves.run(left.map(toRow))
    done.forEach(({ did }) => this.#moves?.delete(did))
    this.#touched.clear()
  }
}

function toRow(move: AccountMove): unknown[] {
  return [
    move.accountId,
    move.did,
    Number(move.shownBefore),
    move.shownFrom ?? null,
    Number(move.countedBefore),
    move.countedTo,
    move.eraseTo,
    Number(move.erasesMarks),
    Number(move.hides),
    move.eventsTo,
  ]
}
