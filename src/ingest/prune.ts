import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Logger } from '../logger.ts'
import type { Us } from '../time.ts'
import { US_PER_DAY, US_PER_SECOND } from '../time.ts'
import { postUri } from './derivedRows.ts'
import { traceOfMark } from './engagementStore.ts'
import type { RecordKey, RecordStore } from './recordStore.ts'

export interface PruneOptions {
  readonly database: Database
  readonly store: RecordStore
  readonly retentionDays: number
  /** Engagement with older posts is forgotten; only its counts stay. */
  readonly windowUs: Us
  /** Traces of these records stay: their feeds have to know for good that they are gone. */
  readonly pinned: readonly RecordKey[]
  /**
   * What is older is judged by this moment, the earlier of our clock and the committed position, since
   * either may be wrong. Undefined: nothing is removed.
   */
  readonly horizonUs: () => Us | undefined
  readonly logger: Logger
}

/** Rows of one step: small, so that a batch never waits long. */
const STEP = 1_000
/** While there is more to do, a step is due so often; else the next round is. */
const STEP_EVERY_US = US_PER_SECOND / 5
const ROUND_EVERY_US = 5 * 60 * US_PER_SECOND

/** A deleted record is remembered for longer than any stream can be replayed. */
const TRACE_KEPT_US = 3 * US_PER_DAY
const ACCOUNT_KEPT_US = 3 * US_PER_DAY
/** A filter that no process has served for so long is dropped. */
const FILTER_KEPT_US = 2 * US_PER_DAY

/** Deletes what is old, in small steps between batches, on the connection that writes. */
export class Pruner {
  readonly #options: PruneOptions
  readonly #traceKeptUs: Us
  #nextUs = 0
  /** The steps of a round that are still to be done. */
  #tasks: Task[] = []

  constructor(options: PruneOptions) {
    this.#options = options
    this.#traceKeptUs = Math.max(TRACE_KEPT_US, options.windowUs)
  }

  async stepIfDue(nowUs: Us): Promise<boolean> {
    // A clock that was set back must not keep pruning from its turn.
    if (nowUs < this.#nextUs && this.#nextUs - nowUs <= ROUND_EVERY_US) {
      return false
    }
    const horizonUs = this.#options.horizonUs()
    if (horizonUs === undefined) {
      return false
    }
    // Set ahead: a step that fails is not tried again at once.
    this.#nextUs = nowUs + ROUND_EVERY_US / 10
    this.#tasks = this.#tasks.length > 0 ? this.#tasks : this.#newRound(horizonUs, nowUs)
    const [task] = this.#tasks
    if (task === undefined || (await this.#run(task))) {
      this.#tasks.shift()
    }
    this.#nextUs = nowUs + (this.#tasks.length > 0 ? STEP_EVERY_US : ROUND_EVERY_US)
    return true
  }

  /** What is pruned changes records: other processes, and what this one holds of them, have to know. */
  async #run(task: Task): Promise<boolean> {
    const { database, store } = this.#options
    try {
      return await database.transaction(async () => {
        if (!(await store.claim.renew())) {
          store.forget()
        }
        return await task()
      })
    } catch (error) {
      store.distrust()
      throw error
    }
  }

  #newRound(horizonUs: Us, nowUs: Us): Task[] {
    return [
      () => this.#prunePosts(horizonUs - this.#options.retentionDays * US_PER_DAY, nowUs),
      sweep<TraceKey>(
        (after) => this.#pruneTraces(after, horizonUs - this.#traceKeptUs),
        ['', '', -1],
      ),
      sweep<EngagementKey>(
        (after) => this.#pruneEngagements(after, horizonUs - this.#options.windowUs, nowUs),
        ['', -1, -1],
      ),
      sweep((after) => this.#pruneAccounts(after, horizonUs - ACCOUNT_KEPT_US), 0),
      () => this.#pruneFilters(horizonUs - FILTER_KEPT_US),
    ]
  }

  async #prunePosts(beforeUs: Us, nowUs: Us): Promise<boolean> {
    const count = await this.#options.store.dropOldPosts(Math.round(beforeUs), STEP, nowUs)
    return count < STEP
  }

  async #pruneTraces(
    [rkey, did, collection]: TraceKey,
    beforeUs: Us,
  ): Promise<TraceKey | undefined> {
    const { kysely } = this.#options.database
    const rows = await kysely
      .selectFrom('record_trace')
      .select(['rkey', 'did', 'collection', 'seen_us'])
      .where(sql<boolean>`(rkey, did, collection) > (${rkey}, ${did}, ${collection})`)
      .orderBy('rkey')
      .orderBy('did')
      .orderBy('collection')
      .limit(STEP)
      .execute()
    const pinned = new Set(this.#options.pinned.map((key) => postUri(key.did, key.rkey)))
    const old = rows.filter(
      (row) => row.seen_us < beforeUs && !pinned.has(postUri(row.did, row.rkey)),
    )
    await this.#options.store.dropTraces(old)
    const last = rows.at(-1)
    return rows.length < STEP || last === undefined
      ? undefined
      : [last.rkey, last.did, last.collection]
  }

  /**
   * Engagement with posts that are gone, or older than the window: the counts stay. Revisions of what
   * was done for a post that is gone are remembered: before, it may have been for another.
   */
  async #pruneEngagements(
    [rkey, accountId, kind]: EngagementKey,
    beforeUs: Us,
    nowUs: Us,
  ): Promise<EngagementKey | undefined> {
    const { kysely } = this.#options.database
    const { statements } = this.#options.store
    const rows = await kysely
      .selectFrom('engagement')
      .innerJoin('account', 'account.id', 'engagement.account_id')
      .leftJoin('post', 'post.id', 'engagement.post_id')
      .select(['engagement.rkey', 'engagement.account_id', 'kind', 'engagement.rev', 'did'])
      .select('indexed_at')
      .where(
        sql<boolean>`(engagement.rkey, engagement.account_id, kind) > (${rkey}, ${accountId}, ${kind})`,
      )
      .orderBy('engagement.rkey')
      .orderBy('engagement.account_id')
      .orderBy('kind')
      .limit(STEP)
      .execute()
    const old = rows.filter((row) => row.indexed_at === null || row.indexed_at < beforeUs)
    await statements.upsertTraces.run(
      old.filter((row) => row.indexed_at === null).flatMap((row) => traceOfMark(row, nowUs)),
    )
    await statements.deleteEngagements.run(old.map((row) => [row.rkey, row.account_id, row.kind]))
    const last = rows.at(-1)
    return rows.length < STEP || last === undefined
      ? undefined
      : [last.rkey, last.account_id, last.kind]
  }

  /** An account without posts of which only good was told need not be remembered. */
  async #pruneAccounts(after: number, beforeUs: Us): Promise<number | undefined> {
    const { kysely } = this.#options.database
    const rows = await kysely
      .selectFrom('account')
      .select(['id', 'active', 'time_us'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(STEP)
      .execute()
    const old = rows.filter((row) => row.active === 1 && row.time_us < beforeUs).map(({ id }) => id)
    if (old.length > 0) {
      await kysely
        .deleteFrom('account')
        .where('id', 'in', old)
        .where((where) =>
          where.not(
            where.exists(
              where
                .selectFrom('post')
                .select('post.id')
                .whereRef('post.account_id', '=', 'account.id'),
            ),
          ),
        )
        .where((where) =>
          where.not(
            where.exists(
              where
                .selectFrom('engagement')
                .select('engagement.post_id')
                .whereRef('engagement.account_id', '=', 'account.id'),
            ),
          ),
        )
        .execute()
      this.#options.store.accounts.forget()
    }
    return rows.length < STEP ? undefined : rows.at(-1)?.id
  }

  async #pruneFilters(beforeUs: Us): Promise<boolean> {
    const { database, logger } = this.#options
    const unused = await database.kysely
      .selectFrom('filter')
      .select('id')
      .where('used_us', '<', beforeUs)
      .executeTakeFirst()
    if (unused === undefined) {
      return true
    }
    const { id } = unused
    const rows = await database.kysely
      .selectFrom('filter_post')
      .select(['indexed_at', 'cid', 'uri'])
      .where('filter_id', '=', id)
      .limit(STEP)
      .execute()
    await this.#options.store.derived.dropFilterPosts(id, rows)
    if (rows.length < STEP) {
      await database.kysely.deleteFrom('filter').where('id', '=', id).execute()
      logger.info({ event: 'filterDropped', id }, 'a filter that no feed uses any more is dropped')
    } else {
      await database.kysely.updateTable('filter').set({ ready: 0 }).where('id', '=', id).execute()
    }
    return false
  }
}

type TraceKey = readonly [rkey: string, did: string, collection: number]
type EngagementKey = readonly [rkey: string, accountId: number, kind: number]

/** One step of pruning; answers whether nothing is left to do. */
type Task = () => Promise<boolean>

/** A walk over a whole table, a step at a time; a step answers where the next one starts. */
function sweep<Key>(step: (after: Key) => Promise<Key | undefined>, first: Key): Task {
  let after = first
  return async () => {
    const next = await step(after)
    after = next ?? first
    return next === undefined
  }
}
