import type { ReadDatabase } from '../db/database.ts'
import type { RankingDefinition } from '../feeds/rankingDefinition.ts'
import type { Us } from '../time.ts'
import { scoreReason, unpackReason } from './reason.ts'
import type { Reason } from './reason.ts'
import { ageInHours, authorPenalty } from './score.ts'

/** Why a post stands where it does in the generation that is served. */
export interface Explanation extends Reason {
  readonly rank: number
  readonly uri: string
  readonly indexedAt: Us
  /** When the generation was made. */
  readonly ageHours: number
  /** What the weighted engagement is divided by. */
  readonly decay: number
  readonly boost: number
  /** What is left of the score beside the author's better posts. */
  readonly penalty: number
  readonly score: number
}

/** The explanations of the generation that is served, by at-uri; of all its posts, or of some. */
export async function explainRanking(
  reader: ReadDatabase,
  { key, options }: RankingDefinition,
  uris?: readonly string[],
): Promise<Map<string, Explanation>> {
  let query = reader.kysely
    .selectFrom('ranking')
    .innerJoin('generation', 'generation.id', 'ranking.generation')
    .innerJoin('ranking_post', 'ranking_post.generation', 'generation.id')
    .select(['generation.computed_us', 'ranking_post.rank', 'ranking_post.uri'])
    .select(['ranking_post.indexed_at', 'ranking_post.why'])
    .where('ranking.key', '=', key)
  if (uris !== undefined) {
    query = query.where('ranking_post.uri', 'in', uris)
  }
  const rows = await query.execute()
  return new Map(
    rows.map(({ computed_us, rank, uri, indexed_at, why }) => {
      const reason = unpackReason(why)
      const ageHours = ageInHours(indexed_at, computed_us)
      const explanation: Explanation = {
        ...reason,
        rank,
        uri,
        indexedAt: indexed_at,
        ageHours,
        decay: Math.max(ageHours, options.minAgeHours) ** options.gravity,
        boost: reason.isFeatured ? options.featuredBoost : 1,
        penalty: authorPenalty(reason.authorRank, options.authorDecay),
        score: scoreReason(reason, { ageHours, options }),
      }
      return [uri, explanation]
    }),
  )
}
