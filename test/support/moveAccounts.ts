import type { RecordStore } from '../../src/ingest/store/recordStore.ts'
import { AccountMover } from '../../src/ingest/upkeep/accountMover.ts'

/** Moves all that is still to be moved of accounts that have come or gone. */
export async function moveAccounts(store: RecordStore, nowUs: number): Promise<void> {
  if (!store.moves.isEmpty) {
    await new AccountMover({ store }).turn(nowUs, Infinity)
  }
}
