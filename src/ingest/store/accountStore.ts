import { KeySet } from '../memory/keySet.ts'
import { RecentMap } from '../memory/recentMap.ts'
import type { RecordMemory } from '../memory/recordMemory.ts'
import { UNTOLD_ACCOUNT } from './foldAccount.ts'
import type { AccountState } from './foldAccount.ts'
import type { Statements } from './statements.ts'

/** Accounts by DID, with their ids; of a batch, in which they change. */
export type Accounts = Map<string, AccountState>

/** About 200 bytes each. */
const REMEMBERED = 50_000

/**
 * Accounts as rows; those that were used last are held in memory. Every method runs inside the
 * transaction of its caller.
 */
export class AccountStore {
  readonly #statements: Statements
  readonly #recent: RecentMap<string, AccountState>

  /**
   * May hold others. It is not read again after another process has stored something: nothing that is
   * stored depends on it.
   */
  #deactivated: KeySet | undefined

  constructor(statements: Statements, memory: Pick<RecordMemory, 'hold'>) {
    this.#statements = statements
    this.#recent = memory.hold(new RecentMap(REMEMBERED))
  }

  /** Has to be called before `mayBeDeactivated`, once a transaction. */
  async loadDeactivated(): Promise<void> {
    if (this.#deactivated === undefined) {
      const deactivated = new KeySet()
      for (const { did } of await this.#statements.deactivatedAccounts.all({})) {
        deactivated.add(did)
      }
      this.#deactivated = deactivated
    }
  }

  /** Whether an account may be hidden as deactivated; no is certain. */
  mayBeDeactivated(did: string): boolean {
    return this.#deactivated?.mayHave(did) ?? true
  }

  /** Accounts may have no row any more. */
  forget(dids: Iterable<string>): void {
    for (const did of dids) {
      this.#recent.delete(did)
    }
  }

  async load(dids: Iterable<string>): Promise<Accounts> {
    const accounts: Accounts = new Map()
    await this.complete(dids, accounts)
    return accounts
  }

  /** Looks up accounts that are not in the map; those without a row too, so that it is done once. */
  async complete(dids: Iterable<string>, accounts: Accounts): Promise<void> {
    const missing: string[] = []
    for (const did of dids) {
      if (!accounts.has(did)) {
        const recent = this.#recent.get(did)
        accounts.set(did, recent ?? UNTOLD_ACCOUNT)
        if (recent === undefined) {
          missing.push(did)
        }
      }
    }
    const rows = await this.#statements.accountsByDid.all(missing.map((did) => [did]))
    for (const { id, did, active, status, time_us, told_us, frames, erased_us } of rows) {
      this.#keep(accounts, did, {
        id,
        active: active === 1,
        status: status ?? undefined,
        toldUs: told_us,
        time: time_us,
        frames: frames ?? undefined,
        erasedUs: erased_us,
      })
    }
  }

  /** Gives ids to accounts that have no row, in `accounts` too; answers which had none. */
  async add(dids: Iterable<string>, accounts: Accounts): Promise<ReadonlySet<string>> {
    const missing = new Set<string>()
    for (const did of dids) {
      if (accounts.get(did)?.id === undefined) {
        missing.add(did)
      }
    }
    const rows = await this.#statements.insertAccounts.all([...missing].map((did) => [did]))
    for (const { id, did } of rows) {
      this.#keep(accounts, did, { ...(accounts.get(did) ?? UNTOLD_ACCOUNT), id })
    }
    return missing
  }

  async save(accounts: Accounts): Promise<void> {
    const rows = [...accounts].map(([did, { active, status, toldUs, time, frames, erasedUs }]) => [
      did,
      active ? 1 : 0,
      status ?? null,
      time,
      toldUs,
      frames ?? null,
      erasedUs,
    ])
    await this.#statements.upsertAccounts.run(rows)
    for (const [did, { status }] of accounts) {
      if (status === 'deactivated') {
        this.#deactivated?.add(did)
      }
      // It may have been given an id: looked up again when it is needed.
      this.#recent.delete(did)
    }
  }

  #keep(accounts: Accounts, did: string, account: AccountState): void {
    accounts.set(did, account)
    this.#recent.set(did, account)
  }
}
