import type { TrendingOptions } from '../feeds/feedDefinition.ts'
import type { Us } from '../time.ts'
import type { ServedPost } from './rankingStore.ts'
import { scoreReason, unpackReason } from './reason.ts'
import { ageInHours } from './score.ts'

/** Posts that have left the ranking, or lost likes, make room for some that score a little less. */
const CAUTION = 0.9

/** What the last post of the next ranking may score, going by the one that is served. */
export function guessLowest(
  served: readonly ServedPost[],
  options: TrendingOptions,
  nowUs: Us,
): number | undefined {
  let lowest = Infinity
  for (const { indexed_at: indexedAt, why } of served) {
    const ageHours = ageInHours(indexedAt, nowUs)
    lowest = Math.min(lowest, scoreReason(unpackReason(why), { ageHours, options }))
  }
  return served.length === 0 ? undefined : lowest * CAUTION
}
