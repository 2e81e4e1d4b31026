import type { WriteDatabase } from '../../db/database.ts'
import { FATE, TRACED, wordOf } from '../../posts/storedCodes.ts'
import type { Fate, Traced } from '../../posts/storedCodes.ts'
import type { Us } from '../../time.ts'
import { prepareTraces } from './prepareTraces.ts'

/** A record, as it is remembered. */
export interface TraceKey {
  readonly did: string
  readonly rkey: string
  readonly traced: Traced
}

export interface Trace extends TraceKey {
  readonly rev: string
  readonly fate: Fate
}

/**
 * The revisions of records that are not kept. Nobody else writes the table `record_trace`. Every method
 * runs inside the transaction of its caller.
 */
export class TraceStore {
  readonly #statements: ReturnType<typeof prepareTraces>

  constructor(database: WriteDatabase) {
    this.#statements = prepareTraces(database)
  }

  /** What is remembered of some records. */
  async load(keys: readonly TraceKey[]): Promise<Trace[]> {
    const rows = await this.#statements.tracesByKey.all(keys.map((key) => rowOf(key)))
    return rows.map(({ did, rkey, collection, rev, fate }) => ({
      did,
      rkey,
      traced: wordOf(TRACED, collection) ?? 'post',
      rev,
      fate: wordOf(FATE, fate) ?? 'unkept',
    }))
  }

  async save(traces: readonly Trace[], nowUs: Us): Promise<void> {
    await this.#statements.upsertTraces.run(
      traces.map((trace) => [...rowOf(trace), trace.rev, FATE[trace.fate], nowUs]),
    )
  }

  async drop(keys: readonly TraceKey[]): Promise<void> {
    await this.#statements.deleteTraces.run(keys.map((key) => rowOf(key)))
  }

  /** Some of what an account had beyond the retention is erased; returns how many records that were. */
  async eraseExpired(did: string, limit: number): Promise<number> {
    const rows = await this.#statements.expiredOfAccount.all({ did, limit })
    await this.#statements.eraseExpired.run(
      rows.map(({ rkey }) => rowOf({ did, rkey, traced: 'post' })),
    )
    return rows.length
  }

  /** All likes and reposts of an account for posts with ids up to one, as deleted. */
  async saveErasedMarks(
    { accountId, did }: { readonly accountId: number; readonly did: string },
    to: number,
    nowUs: Us,
  ): Promise<void> {
    await this.#statements.traceOfAccount.run({ accountId, did, nowUs, to })
  }
}

function rowOf({ did, rkey, traced }: TraceKey): [rkey: string, did: string, collection: number] {
  return [rkey, did, TRACED[traced]]
}
