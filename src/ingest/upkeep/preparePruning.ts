import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { WriteDatabase } from '../../db/database.ts'
import type { RecordKey } from '../store/recordStore.ts'

export type TraceKey = readonly [rkey: string, did: string, collection: number]
export type EngagementKey = readonly [rkey: string, accountId: number, kind: number]

export interface OldEngagement {
  readonly rkey: string
  readonly account_id: number
  readonly kind: number
  readonly rev: string
  readonly did: string
  /** Null: the post is gone. */
  readonly indexed_at: number | null
}

interface TraceBounds {
  readonly rkey: string
  readonly did: string
  readonly collection: number
  readonly lastRkey: string
  readonly lastDid: string
  readonly lastCollection: number
  readonly beforeUs: number
}

interface EngagementBounds {
  readonly rkey: string
  readonly accountId: number
  readonly kind: number
  readonly lastRkey: string
  readonly lastAccountId: number
  readonly lastKind: number
  readonly beforeUs: number
}

/**
 * The SQL of sweeps: where a step ends, and what is old up to there. The database looks at the rows by
 * itself, which costs a hundredth of handing them over.
 */
export function preparePruning(database: WriteDatabase, pinned: readonly RecordKey[]) {
  const isPinned = pinned.map(({ did, rkey }) => sql`(rkey = ${rkey} and did = ${did})`)
  const unlessPinned: RawBuilder<unknown> =
    isPinned.length === 0 ? sql`` : sql`and not (${sql.join(isPinned, sql` or `)})`
  return {
    lastTrace: database.prepare<
      { rkey: string; did: string; collection: number; rows: number },
      { rkey: string; did: string; collection: number }
    >(
      (parameter) => sql<{
        rkey: string
        did: string
        collection: number
      }>`select rkey, did, collection
        from record_trace where (rkey, did, collection) >
          (${parameter('rkey')}, ${parameter('did')}, ${parameter('collection')})
        order by rkey, did, collection limit 1 offset ${parameter('rows')}`,
    ),
    deleteOldTraces: database.prepare<TraceBounds>(
      (parameter) => sql<never>`delete from record_trace where (rkey, did, collection) >
          (${parameter('rkey')}, ${parameter('did')}, ${parameter('collection')})
        and (rkey, did, collection) <=
          (${parameter('lastRkey')}, ${parameter('lastDid')}, ${parameter('lastCollection')})
        and seen_us < ${parameter('beforeUs')} ${unlessPinned}`,
    ),
    lastEngagement: database.prepare<
      { rkey: string; accountId: number; kind: number; rows: number },
      { rkey: string; account_id: number; kind: number }
    >(
      (parameter) => sql<{
        rkey: string
        account_id: number
        kind: number
      }>`select rkey, account_id, kind
        from engagement where (rkey, account_id, kind) >
          (${parameter('rkey')}, ${parameter('accountId')}, ${parameter('kind')})
        order by rkey, account_id, kind limit 1 offset ${parameter('rows')}`,
    ),
    oldEngagements: database.prepare<EngagementBounds, OldEngagement>(
      (
        parameter,
      ) => sql<OldEngagement>`select e.rkey, e.account_id, e.kind, e.rev, account.did, post.indexed_at
        from engagement as e left join post on post.id = e.post_id
          join account on account.id = e.account_id
        where (e.rkey, e.account_id, e.kind) >
          (${parameter('rkey')}, ${parameter('accountId')}, ${parameter('kind')})
        and (e.rkey, e.account_id, e.kind) <=
          (${parameter('lastRkey')}, ${parameter('lastAccountId')}, ${parameter('lastKind')})
        and (post.indexed_at is null or post.indexed_at < ${parameter('beforeUs')})`,
    ),
  }
}
