import { createHash } from 'node:crypto'
import { hashFilter } from '../posts/hashFilter.ts'
import type { FeedDefinition, TrendingOptions } from './feedDefinition.ts'

/** Part of every key: raise it when the formula changes, so that no former ranking is served. */
const FORMULA_VERSION = 1

/** What a trending feed ranks. Feeds that filter and rank alike share their generations. */
export interface RankingDefinition {
  readonly key: string
  /** Names the filter in the store. */
  readonly filterHash: string
  readonly options: TrendingOptions
  /** One of the feeds, for the log. */
  readonly rkey: string
}

/** Names a ranking by all that decides it. */
function rankingKey({ filter }: FeedDefinition, options: TrendingOptions): string {
  // How often it is made does not change what it is.
  const { refreshSeconds: _, featured, weights, ...knobs } = options
  const parts = [
    FORMULA_VERSION,
    hashFilter(filter),
    Object.entries(knobs).toSorted(byName),
    Object.entries(weights).toSorted(byName),
    [...new Set(featured)].toSorted(),
  ]
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22)
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : Number(a > b)
}

/** The ranking of a feed; undefined for one that is not ranked. */
export function rankingOf(definition: FeedDefinition): RankingDefinition | undefined {
  const { trending, rkey, filter } = definition
  return trending === undefined
    ? undefined
    : {
        key: rankingKey(definition, trending),
        filterHash: hashFilter(filter),
        options: trending,
        rkey,
      }
}

/** The distinct rankings of some feeds; the shortest of their refreshing times holds. */
export function rankingsOf(definitions: readonly FeedDefinition[]): RankingDefinition[] {
  const rankings = new Map<string, RankingDefinition>()
  for (const definition of definitions) {
    const ranking = rankingOf(definition)
    const known = ranking && rankings.get(ranking.key)
    const isSooner =
      (known?.options.refreshSeconds ?? Infinity) > (ranking?.options.refreshSeconds ?? 0)
    if (ranking !== undefined && isSooner) {
      rankings.set(ranking.key, ranking)
    }
  }
  return [...rankings.values()]
}
