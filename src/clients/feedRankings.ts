import { sql } from 'kysely'
import type { Parameters, ReadDatabase } from '../db/database.ts'
import { prepareTuples } from '../db/statements/tuplesStatement.ts'
import type { TuplesStatement } from '../db/statements/tuplesStatement.ts'
import { isAuthorShown } from '../posts/isAuthorShown.ts'
import type { PostTuple } from './postLists.ts'
import type { RankedPosts, ReadRanked } from './rankedPosts.ts'

interface PlaceArgs {
  readonly rank: number
  readonly oldest: number
  readonly limit: number
}

type Tuple = readonly [generation: number, rank: number, ...PostTuple]
type Statement<Args> = TuplesStatement<PlaceArgs & Args, Tuple>

export interface FeedRankingsOptions {
  readonly database: ReadDatabase
  /** The oldest moment that is shown now. */
  readonly oldest: () => number
  /** Told of every generation into which somebody may be given a cursor. */
  readonly onServed: (generation: number) => void
}

/** The rankings of feeds, each by its key (`RankingDefinition`), as they are served. */
export function createFeedRankings(options: FeedRankingsOptions): (key: string) => ReadRanked {
  const { database, oldest, onServed } = options
  const { current, numbered, exists } = prepareFeedRankings(database)
  return (key) => async (place, count) => {
    const args = { rank: place?.rank ?? 0, oldest: Math.ceil(oldest()), limit: count }
    const generation = Number(place?.ranking)
    if (place !== undefined && Number.isSafeInteger(generation)) {
      const tuples = await numbered.tuples({ ...args, generation })
      if (tuples.length > 0 || (await exists.all({ generation })).length > 0) {
        return toPosts(tuples, place.ranking, onServed)
      }
    }
    return toPosts(await current.tuples({ ...args, key }), '', onServed)
  }
}

function toPosts(
  tuples: readonly Tuple[],
  ranking: string,
  onServed: (generation: number) => void,
): RankedPosts {
  const [first] = tuples
  if (first !== undefined) {
    onServed(first[0])
  }
  return {
    ranking: first === undefined ? ranking : String(first[0]),
    posts: tuples.map(([, rank, ...post]) => ({ rank, post })),
  }
}

function prepareFeedRankings(database: ReadDatabase) {
  const shape = {
    generation: 'integer',
    rank: 'integer',
    indexed_at: 'integer',
    cid: 'text',
    uri: 'text',
    post_id: 'integer',
  } as const
  const prepare = <Args extends object>(
    generation: (parameter: Parameters<Args>) => ReturnType<typeof sql>,
  ): Statement<Args> =>
    prepareTuples<PlaceArgs & Args, Tuple>(database, shape, (parameter) => {
      const place = parameter as unknown as Parameters<PlaceArgs>
      return sql`select rp.generation, rp.rank, rp.indexed_at, p.cid, rp.uri, rp.post_id
        from ranking_post as rp cross join post as p
        where rp.generation = ${generation(parameter)}
          and rp.rank > ${place('rank')} and rp.indexed_at >= ${place('oldest')}
          and p.id = rp.post_id and ${isAuthorShown(sql`rp.uri`)}
        order by rp.rank limit ${place('limit')}`
    })
  return {
    current: prepare<{ key: string }>(
      (parameter) => sql`(select generation from ranking where key = ${parameter('key')})`,
    ),
    numbered: prepare<{ generation: number }>((parameter) => sql`${parameter('generation')}`),
    exists: database.prepare<{ generation: number }, { id: number }>((parameter, db) =>
      db.selectFrom('generation').select('id').where('id', '=', parameter('generation')),
    ),
  }
}
