import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { prepareTuples } from '../db/tuplesStatement.ts'
import type { Us } from '../time.ts'
import type { Candidate } from './rank.ts'

type CandidateTuple = readonly [
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

interface WindowArgs {
  readonly filterHash: string
  readonly sinceUs: Us
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

export function prepareCandidates(database: Database) {
  const counts = sql`c.likes, c.replies, c.reposts, c.quotes, c.views`
  const none = sql`0 as likes, 0 as replies, 0 as reposts, 0 as quotes, 0 as views`
  const place = sql`p.post_id, p.indexed_at, p.cid, p.uri`
  return {
    /** The posts of a filter and window with which anybody has ever engaged. */
    engaged: prepareTuples<WindowArgs, CandidateTuple>(
      database,
      SHAPE,
      (_db, parameter) => sql`select ${place}, ${counts} from filter_post as p
        cross join post_count as c
        where p.filter_id = (select id from filter where hash = ${parameter('filterHash')}) and p.indexed_at >= ${parameter('sinceUs')}
          and c.post_id = p.post_id`,
    ),
    newest: prepareTuples<WindowArgs & { limit: number }, CandidateTuple>(
      database,
      SHAPE,
      (_db, parameter) => sql`select ${place}, ${none} from filter_post as p
        where p.filter_id = (select id from filter where hash = ${parameter('filterHash')}) and p.indexed_at >= ${parameter('sinceUs')}
        order by p.indexed_at desc, p.cid desc, p.uri desc limit ${parameter('limit')}`,
    ),
  }
}

/**
 * The posts of a window that can stand in a ranking: all with engagement, and of the others, which
 * score nothing and stand last, as many of the newest as a ranking is long.
 */
export async function readCandidates(
  statements: CandidateStatements,
  { filterHash, sinceUs, maxPosts }: WindowArgs & { maxPosts: number },
): Promise<Candidate[]> {
  const engaged = await statements.engaged.tuples({ filterHash, sinceUs })
  const known = new Set(engaged.map(([postId]) => postId))
  const newest = await statements.newest.tuples({ filterHash, sinceUs, limit: maxPosts })
  return [...engaged, ...newest.filter(([postId]) => !known.has(postId))].map(toCandidate)
}

function toCandidate(tuple: CandidateTuple): Candidate {
  const [postId, indexedAt, cid, uri, likes, replies, reposts, quotes, views] = tuple
  return { postId, indexedAt, cid, uri, counts: { likes, replies, reposts, quotes, views } }
}
