import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { ReadDatabase, Parameters } from '../db/database.ts'
import { prepareTuples } from '../db/statements/tuplesStatement.ts'
import type { EngagementWeights } from '../feeds/feedDefinition.ts'
import { isAuthorShown } from '../posts/isAuthorShown.ts'
import type { Us } from '../time.ts'

export type CandidateTuple = readonly [
  postId: number,
  indexedAt: number,
  cid: string,
  uri: string,
  likes: number,
  replies: number,
  reposts: number,
  quotes: number,
  views: number,
]

export interface WindowArgs {
  readonly filterHash: string
  readonly sinceUs: Us
}

interface AboveArgs extends WindowArgs, EngagementWeights {
  readonly floor: number
  readonly nowUs: Us
  /** When a post came that is now `minAgeHours` old. */
  readonly youngUs: Us
  readonly usPerHour: number
  readonly minAgeHours: number
  readonly gravity: number
}

const SHAPE = {
  post_id: 'integer',
  indexed_at: 'integer',
  cid: 'text',
  uri: 'text',
  likes: 'integer',
  replies: 'integer',
  reposts: 'integer',
  quotes: 'integer',
  views: 'integer',
} as const

export type CandidateStatements = ReturnType<typeof prepareCandidates>

export function prepareCandidates(database: ReadDatabase) {
  const counts = sql`c.likes, c.replies, c.reposts, c.quotes, c.views`
  const none = sql`0 as likes, 0 as replies, 0 as reposts, 0 as quotes, 0 as views`
  const place = sql`p.post_id, p.indexed_at, p.cid, p.uri`
  const newestFirst = sql`p.indexed_at desc, p.cid desc, p.uri desc`
  const inWindow = (parameter: Parameters<WindowArgs>): RawBuilder<unknown> =>
    sql`p.filter_id = (select id from filter where hash = ${parameter('filterHash')}) and p.indexed_at >= ${parameter('sinceUs')}
      and ${isAuthorShown(sql`p.uri`)}`
  /** The posts with which anybody has ever engaged. */
  const engaged = (parameter: Parameters<WindowArgs>): RawBuilder<unknown> =>
    sql`select ${place}, ${counts} from filter_post as p
      cross join post_count as c
      where ${inWindow(parameter)} and c.post_id = p.post_id`
  return {
    engagedAbove: prepareTuples<AboveArgs, CandidateTuple>(
      database,
      SHAPE,
      (parameter) => sql`${engaged(parameter)} and ${isAbove(parameter)}`,
    ),
    newestEngaged: prepareTuples<WindowArgs & { limit: number }, CandidateTuple>(
      database,
      SHAPE,
      (parameter) => sql`${engaged(parameter)} order by ${newestFirst} limit ${parameter('limit')}`,
    ),
    newest: prepareTuples<WindowArgs & { limit: number }, CandidateTuple>(
      database,
      SHAPE,
      (parameter) => sql`select ${place}, ${none} from filter_post as p
        where ${inWindow(parameter)}
        order by ${newestFirst} limit ${parameter('limit')}`,
    ),
  }
}

/**
 * Whether a post scores the floor, as `scorePost` has it but for the boost of what is featured, and for
 * rounding: who asks leaves room for both. In SQL, because to hand over a post costs several times as
 * much as to look at it.
 */
function isAbove(parameter: Parameters<AboveArgs>): RawBuilder<unknown> {
  // Postgres takes a parameter beside an integer for an integer.
  const number = (name: keyof AboveArgs): RawBuilder<unknown> =>
    sql`cast(${parameter(name)} as double precision)`
  return sql`c.likes * ${number('likes')} + c.replies * ${number('replies')}
      + c.reposts * ${number('reposts')} + c.quotes * ${number('quotes')} + c.views * ${number('views')}
    >= ${number('floor')} * power(
      case when p.indexed_at > ${parameter('youngUs')} then ${number('minAgeHours')}
        else (${number('nowUs')} - p.indexed_at) / ${number('usPerHour')} end,
      ${number('gravity')})`
}
