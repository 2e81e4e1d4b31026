/** What may be written in a feeds file: its keys, their limits, and the sentences about them. */
import { ORDERS } from '../feeds/feedDefinition.ts'
import type { Order } from '../feeds/feedDefinition.ts'
import { MEDIA, SELF_LABELS } from '../posts/postFilter.ts'
import { MAX_AVATAR_BYTES } from './avatarFault.ts'
import { DEFINITIONS, DID, POST_URI, refer, RKEY } from './definitions.ts'
import {
  decodeAvatar,
  decodeDescription,
  decodeLabel,
  decodeLanguage,
  decodeName,
  DESCRIPTION_LIMITS,
  NAME_LIMITS,
} from './feedFileTexts.ts'
import { mapShape } from './mapShape.ts'
import { TRENDING } from './readTrending.ts'
import { booleanShape, described, listShape, numberShape, textShape, wordShape } from './shape.ts'
import type { JsonSchema, Shape } from './shape.ts'
import { tagsShape } from './tagsShape.ts'

const MAX_FEEDS = 1_000
const REQUIRED = ['rkey', 'name', 'tags'] as const

const ORDER_SENTENCES: Readonly<Record<Order, string>> = {
  recent: 'newest first.',
  trending: 'by engagement and age, see trending.',
  following: 'newest first, of the accounts that the reader follows.',
}

const label = { ...textShape(decodeLabel), schema: { enum: SELF_LABELS } }
const labels = listShape(label, { allowed: 'a list of labels, such as [porn, sexual]' })
const dids = listShape(DID, { allowed: 'a list of DIDs' })

/** The keys of a feed that say which posts belong to it. */
const FILTER = {
  tags: described(
    tagsShape,
    'The hashtags, without #; upper and lower case are the same. A list is short for any. At least one tag in any or all.',
  ),
  media: described(
    listShape(wordShape(MEDIA), { allowed: `a list of ${MEDIA.join(', ')}` }),
    'Posts that carry one of these; none stands for posts without image, video and link card.',
  ),
  languages: described(
    listShape(textShape(decodeLanguage, { minLength: 2 }, { allowsBooleanWords: true }), {
      allowed: 'a list of language codes',
    }),
    'Posts in one of these languages, such as en or ja; und stands for posts that name none. Case and region do not matter.',
  ),
  labels: described(
    mapShape({
      none: described(
        labels,
        'Posts with one of these labels stay out, for example porn, sexual, nudity, graphic-media.',
      ),
    }),
    'By the labels that authors put on their own posts.',
  ),
  authors: described(
    mapShape({
      only: described(dids, 'Only posts by these accounts; an empty list is no condition.'),
      none: described(dids, 'Posts by these accounts stay out.'),
    }),
    'By the accounts of authors, as DIDs.',
  ),
  maxTags: described(
    numberShape({ min: 1, isWhole: true }),
    'Posts with more different tags stay out.',
  ),
}

function createKeys(orders: readonly Order[]) {
  return {
    rkey: described(
      RKEY,
      'Record key of the feed: its name in addresses. Readers who saved the feed lose it when this changes.',
    ),
    name: described(
      textShape(decodeName, { minLength: 1, maxLength: NAME_LIMITS.bytes, pattern: '\\S' }),
      `What readers see, at most ${NAME_LIMITS.graphemes} characters.`,
    ),
    description: described(
      textShape(decodeDescription, { maxLength: DESCRIPTION_LIMITS.bytes }),
      `At most ${DESCRIPTION_LIMITS.graphemes} characters.`,
      '',
    ),
    avatar: described(
      textShape(decodeAvatar, { pattern: '[^/\\\\]\\.([pP][nN][gG]|[jJ][pP][eE]?[gG])$' }),
      `Path of a PNG or JPEG of at most ${MAX_AVATAR_BYTES.toLocaleString('en')} bytes, relative to this file.`,
    ),
    order: described(
      wordShape(ORDERS, orders),
      orders.map((order) => `${order}: ${ORDER_SENTENCES[order]}`).join(' '),
      'recent',
    ),
    ...FILTER,
    pinned: described(
      POST_URI,
      'The at-uri of a post that stands first on the first page: at://DID/app.bsky.feed.post/RKEY.',
    ),
    trending: described(TRENDING, 'The knobs of order: trending.'),
    contentMode: described(
      wordShape<'video'>(['video']),
      'video: Bluesky shows the feed as a feed of videos.',
    ),
    acceptsInteractions: described(
      booleanShape,
      'Whether readers may send "show more" and "show less".',
    ),
  }
}

function createFeedShape(orders: readonly Order[]) {
  return mapShape(createKeys(orders), {
    name: 'feed',
    required: REQUIRED,
    describeMissing: (key) => `${key} is missing, a feed needs ${REQUIRED.join(', ')}`,
  })
}

type ValueOf<S> = S extends Shape<infer T> ? T : never
/** A feed as it is written. */
export type FeedFields = ValueOf<ReturnType<typeof createFeedShape>>
export type FilterFields = Pick<FeedFields, keyof typeof FILTER>

/** A file, whose feeds have one of these orders. */
export function createFileShape(orders: readonly Order[]) {
  const feeds = listShape(refer('feed', createFeedShape(orders)), {
    allowed: 'a list of feeds',
    count: { min: 1, max: MAX_FEEDS, noun: 'feed' },
  })
  return mapShape(
    { feeds: described(feeds, 'The feeds that this service offers.') },
    {
      name: 'the file',
      required: ['feeds'],
      describeMissing: () => 'the key feeds is missing, allowed: feeds: with a list of feeds',
    },
  )
}

/** What editors know of the file, as JSON Schema. */
export function createFeedFileSchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'feeds.yaml of tagfeed',
    ...createFileShape(ORDERS).schema,
    definitions: { feed: createFeedShape(ORDERS).schema, ...DEFINITIONS },
  }
}
