import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { Parameters, ReadDatabase, Statement } from '../db/database.ts'
import type { Eventually } from '../db/eventually.ts'
import { ACTIVITY } from '../posts/storedCodes.ts'

/** A row of the log, and whether it may be shown now. */
export interface ActivityRow {
  readonly seq: number
  readonly kind: number
  readonly at_us: number
  readonly did: string
  readonly rkey: string | null
  readonly cid: string | null
  readonly tags: string | null
  readonly tags_before: string | null
  readonly active: number | null
  readonly status: string | null
  readonly shown: number
}

/** A row of the log, or none, with the number that was given last as the same statement saw it. */
export type LoggedRow = (ActivityRow | { readonly seq: null }) & { readonly last_seq: number }

/** A list of the index: the events of one kind with one tag. */
export interface TagList {
  readonly tag: string
  readonly kind: number
}

/**
 * What is left of an account that is hidden now: nothing; of one that is deleted: its deletes. What it
 * did before it was erased may still be there, and it may be active again.
 */
const isShown = sql<number>`case
  when activity.kind = ${sql.lit(ACTIVITY.account)} then 1
  when activity.kind = ${sql.lit(ACTIVITY.delete)}
    then case when account.active = 1 or account.status = 'deleted' then 1 else 0 end
  when account.active = 0 then 0
  when exists (select 1 from account_move where account_move.account_id = activity.account_id
    and activity.seq <= account_move.events_to) then 0
  else 1 end`

const columns = sql`activity.seq, activity.kind, activity.at_us, account.did, activity.rkey, activity.cid,
  activity.tags, activity.tags_before, activity.active, activity.status, ${isShown} as shown`

export type ActivityStatements = ReturnType<typeof prepareActivityReading>

/** All SQL that reads the log, prepared once a connection. */
export function prepareActivityReading(database: ReadDatabase) {
  return {
    /** The number that was given last, and up to which the log was cut off. */
    log: database.prepare<object, { last_seq: number; pruned_seq: number }>(
      () => sql<{ last_seq: number; pruned_seq: number }>`select last_seq, pruned_seq
        from activity_log where id = 1`,
    ),
    /** The time of the first event from a number on. */
    timeFrom: database.prepare<{ seq: number }, { seq: number; at_us: number }>(
      (parameter) => sql<{ seq: number; at_us: number }>`select seq, at_us from activity
        where seq >= ${parameter('seq')} order by seq limit 1`,
    ),
    oldest: database.prepare<object, { seq: number }>(
      () => sql<{ seq: number }>`select seq from activity order by seq limit 1`,
    ),
    /** All events after a number, oldest first; one row without event when there is none. */
    after: database.prepare<{ seq: number; limit: number }, LoggedRow>(
      (parameter) => sql<LoggedRow>`select ${columns}, activity_log.last_seq from activity_log
        left join (select seq as found_seq from activity where seq > ${parameter('seq')}
          order by seq limit ${parameter('limit')}) as found on true
        left join activity on activity.seq = found.found_seq
        left join account on account.id = activity.account_id
        where activity_log.id = 1 order by found.found_seq`,
    ),
    /** The events of some lists below a number, newest first; an event of several lists once. */
    listsBefore: prepareLists<ActivityRow>(
      database,
      (parameter) => sql`seq < ${parameter('seq')}`,
      sql`desc`,
      (found) => sql<ActivityRow>`select ${columns} from ${found}
        join activity on activity.seq = found.seq
        join account on account.id = activity.account_id
        order by found.seq desc`,
    ),
    /** The same above a number, oldest first; one row without event when there is none. */
    listsAfter: prepareLists<LoggedRow>(
      database,
      (parameter) => sql`seq > ${parameter('seq')}`,
      sql`asc`,
      (found) => sql<LoggedRow>`select ${columns}, activity_log.last_seq from activity_log
        left join ${found} on true
        left join activity on activity.seq = found.seq
        left join account on account.id = activity.account_id
        where activity_log.id = 1 order by found.seq`,
    ),
  }
}

interface ListArgs {
  readonly seq: number
  readonly limit: number
  readonly [place: `tag${number}` | `kind${number}`]: string | number
}

type ListWalk<Row> = (lists: readonly TagList[], seq: number, limit: number) => Eventually<Row[]>

/**
 * A walk over several lists: a seek and a short scan in each. There is a statement for each number of
 * lists, made when it is first needed.
 */
function prepareLists<Row>(
  database: ReadDatabase,
  beyond: (parameter: Parameters<ListArgs>) => RawBuilder<unknown>,
  direction: RawBuilder<unknown>,
  select: (found: RawBuilder<unknown>) => RawBuilder<Row>,
): ListWalk<Row> {
  const prepare = (count: number): Statement<ListArgs, Row> =>
    database.prepare<ListArgs, Row>((parameter) => {
      const walks = Array.from(
        { length: count },
        (_, index) => sql`select seq from (select seq from activity_tag
          where tag = ${parameter(`tag${index}`)} and kind = ${parameter(`kind${index}`)}
            and ${beyond(parameter)}
          order by tag ${direction}, kind ${direction}, seq ${direction}
          limit ${parameter('limit')}) as ${sql.ref(`list${index}`)}`,
      )
      const found = sql`(select seq from (${sql.join(walks, sql` union all `)}) as walks
        group by seq order by seq ${direction} limit ${parameter('limit')}) as found`
      return select(found)
    })
  const prepared = new Map<number, Statement<ListArgs, Row>>()
  return (lists, seq, limit) => {
    const statement = prepared.get(lists.length) ?? prepare(lists.length)
    prepared.set(lists.length, statement)
    const places = lists.flatMap(({ tag, kind }, index) => [
      [`tag${index}`, tag],
      [`kind${index}`, kind],
    ])
    return statement.all({ ...(Object.fromEntries(places) as object), seq, limit })
  }
}
