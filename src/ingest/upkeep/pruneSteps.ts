import type { Us } from '../../time.ts'
import { tracesOfRow } from '../store/engagementChanges.ts'
import { preparePruning } from './preparePruning.ts'
import type { EngagementKey, TraceKey } from './preparePruning.ts'
import type { PruneOptions } from './pruner.ts'

const FIRST_TRACE: TraceKey = ['', '', -1]
const FIRST_ENGAGEMENT: EngagementKey = ['', -1, -1]
/** Above every record key. */
const END = '\u007F'

/**
 * The steps of pruning; each runs inside the transaction of its caller, and says whether its round is
 * done. A sweep goes over a whole table in the order of its key, and remembers where it is.
 */
export class PruneSteps {
  readonly #options: PruneOptions
  readonly #statements: ReturnType<typeof preparePruning>
  #trace = FIRST_TRACE
  #engagement = FIRST_ENGAGEMENT
  #account = 0
  #heldBack = 0

  constructor(options: PruneOptions) {
    this.#options = options
    this.#statements = preparePruning(options.database, options.pinned)
  }

  /** Posts are found by an index: there is no sweep. */
  async prunePosts(beforeUs: Us, rows: number, nowUs: Us): Promise<boolean> {
    return (await this.#options.store.dropOldPosts(beforeUs, rows, nowUs)) < rows
  }

  async pruneTraces(beforeUs: Us, rows: number): Promise<boolean> {
    const [rkey, did, collection] = this.#trace
    const from = { rkey, did, collection }
    const [last] = await this.#statements.lastTrace.all({ ...from, rows: rows - 1 })
    await this.#statements.deleteOldTraces.run({
      ...from,
      lastRkey: last?.rkey ?? END,
      lastDid: last?.did ?? '',
      lastCollection: last?.collection ?? 0,
      beforeUs,
    })
    this.#trace = last === undefined ? FIRST_TRACE : [last.rkey, last.did, last.collection]
    return last === undefined
  }

  /**
   * Engagement with posts that are gone, or older than the window: the counts stay. Revisions of what
   * was done for a post that is gone are remembered: before, it may have been for another.
   */
  async pruneEngagements(beforeUs: Us, rows: number, nowUs: Us): Promise<boolean> {
    const { statements, traces } = this.#options.store
    const [rkey, accountId, kind] = this.#engagement
    const from = { rkey, accountId, kind }
    const [last] = await this.#statements.lastEngagement.all({ ...from, rows: rows - 1 })
    const old = await this.#statements.oldEngagements.all({
      ...from,
      lastRkey: last?.rkey ?? END,
      lastAccountId: last?.account_id ?? 0,
      lastKind: last?.kind ?? 0,
      beforeUs,
    })
    const ofGone = old.filter((row) => row.indexed_at === null)
    await traces.save(
      ofGone.flatMap((row) => tracesOfRow(row)),
      nowUs,
    )
    await statements.deleteEngagements.run(old.map((row) => [row.rkey, row.account_id, row.kind]))
    this.#engagement =
      last === undefined ? FIRST_ENGAGEMENT : [last.rkey, last.account_id, last.kind]
    return last === undefined
  }

  /**
   * An account without posts of which only good was told need not be remembered. The posts of those that
   * are hidden are counted on the way.
   */
  async pruneAccounts(beforeUs: Us, limit: number): Promise<boolean> {
    const { kysely } = this.#options.database
    const { accounts, moves } = this.#options.store
    const rows = await kysely
      .selectFrom('account')
      .select(['id', 'did', 'active', 'time_us', 'told_us'])
      .where('id', '>', this.#account)
      .orderBy('id')
      .limit(limit)
      .execute()
    const old = rows.filter(
      (row) =>
        row.active === 1 &&
        Math.max(row.time_us, row.told_us) < beforeUs &&
        moves.of(row.did) === undefined,
    )
    await this.#deleteIdle(old.map(({ id }) => id))
    accounts.forget(old.map(({ did }) => did))
    await this.#countHeldBack(rows.filter((row) => row.active === 0).map(({ id }) => id))
    const isDone = rows.length < limit
    if (isDone) {
      this.#options.onHeldBack?.(this.#heldBack)
      this.#heldBack = 0
    }
    this.#account = isDone ? 0 : (rows.at(-1)?.id ?? 0)
    return isDone
  }

  /** What has happened is found by its number: there is no sweep. */
  async pruneActivity(beforeUs: Us, rows: number): Promise<boolean> {
    return (await this.#options.store.activity.dropOld(beforeUs, rows)) < rows
  }

  async pruneFilters(beforeUs: Us, rows: number): Promise<boolean> {
    const { database, logger, store } = this.#options
    const unused = await database.kysely
      .selectFrom('filter')
      .select('id')
      .where('used_us', '<', beforeUs)
      .executeTakeFirst()
    if (unused === undefined) {
      return true
    }
    const { id } = unused
    const members = await database.kysely
      .selectFrom('filter_post')
      .select(['indexed_at', 'cid', 'uri'])
      .where('filter_id', '=', id)
      .limit(rows)
      .execute()
    await store.derived.dropFilterPosts(id, members)
    if (members.length < rows) {
      await database.kysely.deleteFrom('filter').where('id', '=', id).execute()
      logger.info({ event: 'filterDropped', id }, 'a filter that no feed uses any more is dropped')
    } else {
      await database.kysely.updateTable('filter').set({ ready: 0 }).where('id', '=', id).execute()
    }
    return false
  }

  async #countHeldBack(ids: readonly number[]): Promise<void> {
    for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
      const { count } = await this.#options.database.kysely
        .selectFrom('post')
        .select((select) => select.fn.countAll<number>().as('count'))
        .where('account_id', 'in', ids.slice(from, from + IDS_AT_ONCE))
        .executeTakeFirstOrThrow()
      this.#heldBack += count
    }
  }

  async #deleteIdle(ids: readonly number[]): Promise<void> {
    const { kysely } = this.#options.database
    for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
      await kysely
        .deleteFrom('account')
        .where('id', 'in', ids.slice(from, from + IDS_AT_ONCE))
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
        // What was erased with an account is found by its id: it is given none anew meanwhile.
        .where((where) =>
          where.not(
            where.exists(
              where
                .selectFrom('activity')
                .select('activity.seq')
                .whereRef('activity.account_id', '=', 'account.id'),
            ),
          ),
        )
        .execute()
    }
  }
}

/** A statement takes no more parameters than some ten thousand. */
const IDS_AT_ONCE = 1_000
