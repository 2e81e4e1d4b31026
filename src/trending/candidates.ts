import type { TrendingOptions } from '../feeds/feedDefinition.ts'
import { US_PER_HOUR } from '../time.ts'
import type { Us } from '../time.ts'
import type { CandidateStatements, CandidateTuple, WindowArgs } from './candidateStatements.ts'
import type { Candidate } from './rank.ts'
import type { CandidateSource } from './rankBest.ts'

/** Posts of one author count little in a ranking: more of them are looked at than it has ranks. */
const SAMPLES_PER_RANK = 4

/** Two ways to reckon a score differ by a few units in the sixteenth digit. */
const ROUNDING = 1e-9
/** Postgres refuses products that are too small for a number. */
const LEAST_FLOOR = 1e-200

/** What a post scores at least, without the boost, that scores the floor with it. */
function leastScore(floor: number, { featured, featuredBoost }: TrendingOptions): number {
  const boost = featured.length > 0 ? Math.max(1, featuredBoost) : 1
  const least = (floor / boost) * (1 - ROUNDING)
  return least < LEAST_FLOOR ? 0 : least
}

export interface Window extends WindowArgs {
  readonly options: TrendingOptions
  readonly nowUs: Us
}

/** The posts of a filter and window, as `rankBest` wants them. */
export function candidateSource(statements: CandidateStatements, window: Window): CandidateSource {
  const { filterHash, sinceUs, options, nowUs } = window
  const { maxPosts, minAgeHours, gravity } = options
  const place = { filterHash, sinceUs }
  return {
    sample: async () => {
      // The newest have the best prospects; most of a ranking may be theirs.
      const limit = SAMPLES_PER_RANK * maxPosts
      return (await statements.newestEngaged.tuples({ ...place, limit })).map(toCandidate)
    },
    above: async (floor) => {
      const engaged = await statements.engagedAbove.tuples({
        ...place,
        ...options.weights,
        floor: leastScore(floor, options),
        nowUs,
        youngUs: Math.floor(nowUs - minAgeHours * US_PER_HOUR),
        usPerHour: US_PER_HOUR,
        minAgeHours,
        gravity,
      })
      if (floor > 0) {
        return engaged.map(toCandidate)
      }
      const known = new Set(engaged.map(([postId]) => postId))
      const newest = await statements.newest.tuples({ ...place, limit: maxPosts })
      return [...engaged, ...newest.filter(([postId]) => !known.has(postId))].map(toCandidate)
    },
  }
}

function toCandidate(tuple: CandidateTuple): Candidate {
  const [postId, indexedAt, cid, uri, likes, replies, reposts, quotes, views] = tuple
  return { postId, indexedAt, cid, uri, counts: { likes, replies, reposts, quotes, views } }
}
