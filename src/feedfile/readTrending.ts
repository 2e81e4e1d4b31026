/** The `trending` block of a feed in the feeds file: the knobs of its ranking. */
import type { EngagementWeights, TrendingOptions } from '../feeds/feedDefinition.ts'
import { decodeFeatured } from './feedFileTexts.ts'
import { readEntries, readMap, readNumber } from './feedFileValues.ts'
import type { NumberRules } from './feedFileValues.ts'
import type { YamlValue } from './yamlFile.ts'

/** What holds where the file says nothing (contract, section 7). */
export const DEFAULT_TRENDING: TrendingOptions = {
  weights: { likes: 1, replies: 2, reposts: 2, quotes: 3, views: 0.1 },
  gravity: 1.5,
  minAgeHours: 0.1,
  featured: [],
  featuredBoost: 1.5,
  authorDecay: 0.5,
  windowHours: 72,
  maxPosts: 1_000,
  refreshSeconds: 60,
}

const WEIGHT_KEYS = ['likes', 'replies', 'reposts', 'quotes', 'views'] as const
const TRENDING_KEYS = [
  'weights',
  'gravity',
  'minAgeHours',
  'featured',
  'featuredBoost',
  'authorDecay',
  'windowHours',
  'maxPosts',
  'refreshSeconds',
] as const

// With these limits no score overflows: counts stay far below 1e15, and the age divides by 1e-30 or more.
const FACTOR: NumberRules = { min: 0, max: 1_000_000 }
const GRAVITY: NumberRules = { min: 0, max: 10 }
const HOURS: NumberRules = { min: 0.001, max: 876_000 }
const DECAY: NumberRules = { min: 0, max: 1 }
const POSTS: NumberRules = { min: 1, max: 10_000, isWhole: true }
const SECONDS: NumberRules = { min: 1, max: 86_400 }

/** Reads the block; what it leaves out, or says wrongly, is as in `DEFAULT_TRENDING`. */
export function readTrending(value: YamlValue): TrendingOptions {
  const fields = readMap(value, TRENDING_KEYS, { prefix: 'trending.' })
  if (fields === undefined) {
    return DEFAULT_TRENDING
  }
  const knob = (key: KeyOfNumber, rules: NumberRules): number =>
    readNumber(fields.get(key), rules) ?? DEFAULT_TRENDING[key]
  const allowed = 'a list of at-uris of posts and DIDs of authors'
  const featured = readEntries(fields.get('featured'), decodeFeatured, allowed)
  return {
    weights: readWeights(fields.get('weights')),
    gravity: knob('gravity', GRAVITY),
    minAgeHours: knob('minAgeHours', HOURS),
    featured: featured.map((entry) => entry.value),
    featuredBoost: knob('featuredBoost', FACTOR),
    authorDecay: knob('authorDecay', DECAY),
    windowHours: knob('windowHours', HOURS),
    maxPosts: knob('maxPosts', POSTS),
    refreshSeconds: knob('refreshSeconds', SECONDS),
  }
}

type KeyOfNumber = Exclude<keyof TrendingOptions, 'weights' | 'featured'>

function readWeights(value: YamlValue | undefined): EngagementWeights {
  const fields = value && readMap(value, WEIGHT_KEYS, { prefix: 'trending.weights.' })
  const weight = (key: keyof EngagementWeights): number =>
    readNumber(fields?.get(key), FACTOR) ?? DEFAULT_TRENDING.weights[key]
  return {
    likes: weight('likes'),
    replies: weight('replies'),
    reposts: weight('reposts'),
    quotes: weight('quotes'),
    views: weight('views'),
  }
}
