import type { EngagementWeights, TrendingOptions } from '../feeds/feedDefinition.ts'
import { POST_OR_DID } from './definitions.ts'
import { mapShape } from './mapShape.ts'
import type { Fields } from './mapShape.ts'
import { described, listShape, numberShape } from './shape.ts'
import type { Entry, NumberRules, Shape } from './shape.ts'

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

// With these limits no score overflows: counts stay far below 1e15, and the age divides by 1e-30 or more.
const FACTOR: NumberRules = { min: 0, max: 1_000_000 }
const GRAVITY: NumberRules = { min: 0, max: 10 }
const HOURS: NumberRules = { min: 0.001, max: 876_000 }
const DECAY: NumberRules = { min: 0, max: 1 }
const POSTS: NumberRules = { min: 1, max: 10_000, isWhole: true }
const SECONDS: NumberRules = { min: 1, max: 86_400 }

function weight(key: keyof EngagementWeights, noun: string): Shape<number> {
  const description = `What a ${noun} adds to the score.`
  return described(numberShape(FACTOR), description, DEFAULT_TRENDING.weights[key])
}

type KeyOfNumber = Exclude<keyof TrendingOptions, 'weights' | 'featured'>

function knob(key: KeyOfNumber, rules: NumberRules, description: string): Shape<number> {
  return described(numberShape(rules), description, DEFAULT_TRENDING[key])
}

const weights = mapShape({
  likes: weight('likes', 'like'),
  replies: weight('replies', 'reply'),
  reposts: weight('reposts', 'repost'),
  quotes: weight('quotes', 'quote'),
  views: weight('views', 'view'),
})

/** The `trending` block of a feed: the knobs of its ranking. */
export const TRENDING: Shape<TrendingFields> = mapShape({
  weights: described(weights, 'What the engagement of one account adds to the score of a post.'),
  gravity: knob(
    'gravity',
    GRAVITY,
    'The power of the age in hours that divides the score: the higher, the faster posts sink.',
  ),
  minAgeHours: knob('minAgeHours', HOURS, 'Younger posts count as this old.'),
  featured: described(
    listShape(POST_OR_DID, { allowed: 'a list of at-uris of posts and DIDs of authors' }),
    'Posts by at-uri, and authors by DID, whose score is multiplied by featuredBoost.',
    DEFAULT_TRENDING.featured,
  ),
  featuredBoost: knob('featuredBoost', FACTOR, 'The factor for featured posts.'),
  authorDecay: knob(
    'authorDecay',
    DECAY,
    'The k-th best post of an author counts authorDecay to the power of k - 1.',
  ),
  windowHours: knob('windowHours', HOURS, 'Older posts are not ranked.'),
  maxPosts: knob('maxPosts', POSTS, 'The length of a ranking.'),
  refreshSeconds: knob('refreshSeconds', SECONDS, 'How often the ranking is made anew.'),
})

type TrendingFields = Fields<
  Record<KeyOfNumber, number> & {
    weights: Fields<EngagementWeights>
    featured: readonly Entry<string>[]
  }
>

/** What the block leaves out, or says wrongly, is as in `DEFAULT_TRENDING`. */
export function readTrending(fields: TrendingFields): TrendingOptions {
  const numberOf = (key: KeyOfNumber): number => fields[key]?.value ?? DEFAULT_TRENDING[key]
  const weightOf = (key: keyof EngagementWeights): number =>
    fields.weights?.value?.[key]?.value ?? DEFAULT_TRENDING.weights[key]
  return {
    weights: {
      likes: weightOf('likes'),
      replies: weightOf('replies'),
      reposts: weightOf('reposts'),
      quotes: weightOf('quotes'),
      views: weightOf('views'),
    },
    gravity: numberOf('gravity'),
    minAgeHours: numberOf('minAgeHours'),
    featured: fields.featured?.value?.map(({ value }) => value) ?? [],
    featuredBoost: numberOf('featuredBoost'),
    authorDecay: numberOf('authorDecay'),
    windowHours: numberOf('windowHours'),
    maxPosts: numberOf('maxPosts'),
    refreshSeconds: numberOf('refreshSeconds'),
  }
}
