import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import { prepareTuples } from '../db/statements/tuplesStatement.ts'
import { isAuthorShown } from '../posts/isAuthorShown.ts'

/** A place in a ranking. */
export type RankTuple = readonly [generation: number, rank: number, indexedAt: number, uri: string]

interface PlaceArgs {
  /** The rank below which the page begins. */
  readonly rank: number
  /** Older posts are not shown. */
  readonly oldest: number
  readonly limit: number
}

const SHAPE = {
  generation: 'integer',
  rank: 'integer',
  indexed_at: 'integer',
  uri: 'text',
} as const

export type RankingStatements = ReturnType<typeof prepareRankingStatements>

/** All SQL of a page of a ranking: like a page of a recent feed one seek and one short scan. */
export function prepareRankingStatements(database: ReadDatabase) {
  return {
    /** A page of the generation that is served now. */
    current: prepareTuples<PlaceArgs & { key: string }, RankTuple>(
      database,
      SHAPE,
      (parameter) => sql`select generation, rank, indexed_at, uri from ranking_post
        where generation = (select generation from ranking where key = ${parameter('key')})
          and rank > ${parameter('rank')} and indexed_at >= ${parameter('oldest')}
          and ${isAuthorShown(sql`ranking_post.uri`)}
        order by rank limit ${parameter('limit')}`,
    ),
    /** A page of one generation. */
    numbered: prepareTuples<PlaceArgs & { generation: number }, RankTuple>(
      database,
      SHAPE,
      (parameter) => sql`select generation, rank, indexed_at, uri from ranking_post
        where generation = ${parameter('generation')}
          and rank > ${parameter('rank')} and indexed_at >= ${parameter('oldest')}
          and ${isAuthorShown(sql`ranking_post.uri`)}
        order by rank limit ${parameter('limit')}`,
    ),
    generationExists: database.prepare<{ generation: number }, { id: number }>((parameter, db) =>
      db.selectFrom('generation').select('id').where('id', '=', parameter('generation')),
    ),
  }
}
