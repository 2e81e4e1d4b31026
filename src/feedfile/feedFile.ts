import { ORDERS, SERVED_ORDERS } from '../feeds/feedDefinition.ts'
import type { FeedDefinition, Order, TrendingOptions } from '../feeds/feedDefinition.ts'
import {
  decodeAvatar,
  decodeDescription,
  decodeName,
  decodePostUri,
  decodeRkey,
  oneOf,
  quote,
} from './feedFileTexts.ts'
import { readBoolean, readDecoded, readList, readMap } from './feedFileValues.ts'
import type { Fields } from './feedFileValues.ts'
import { FILTER_KEYS, readFilter } from './readFilter.ts'
import { DEFAULT_TRENDING, readTrending } from './readTrending.ts'
import { openYaml } from './yamlFile.ts'
import type { YamlFile, YamlValue } from './yamlFile.ts'

const MAX_FEEDS = 1_000

const FEED_KEYS = [
  'rkey',
  'name',
  'description',
  'avatar',
  'order',
  ...FILTER_KEYS,
  'pinned',
  'trending',
  'contentMode',
  'acceptsInteractions',
] as const
const REQUIRED_KEYS = ['rkey', 'name', 'tags'] as const
type FeedFields = Fields<(typeof FEED_KEYS)[number]>

export interface FeedFileOptions {
  /** The orders that this program can serve; a feed with another is a problem. Default: `SERVED_ORDERS`. */
  readonly orders?: readonly Order[]
  /** What is wrong with the picture at a path as it is written; not looked at when left out. */
  readonly findAvatarFault?: (path: string) => string | undefined
}

/**
 * The feeds that a feeds file defines (contract, section 3), checked and canonical, in its order. Pure,
 * but for looking at avatars, when it is told how.
 * @param fileName begins every problem, before line and column
 * @throws ConfigError naming all problems, each as `FILE:LINE:COLUMN: what is wrong, what is allowed`,
 *   in the order of the file; a text that is no YAML is reported as that alone
 */
export function parseFeedFile(
  text: string,
  fileName: string,
  options: FeedFileOptions = {},
): FeedDefinition[] {
  const file = openYaml(text, fileName)
  const definitions = readFeeds(file, options)
  file.throwProblems()
  return definitions
}

function readFeeds(file: YamlFile, options: FeedFileOptions): FeedDefinition[] {
  const { root } = file
  if (root.node === undefined) {
    file.report(root, 'the file is empty, allowed: feeds: with a list of feeds')
    return []
  }
  const top = readMap(root, ['feeds'])
  const feeds = top?.get('feeds')
  if (feeds === undefined) {
    if (top !== undefined) {
      file.report(root, 'the key feeds is missing, allowed: feeds: with a list of feeds')
    }
    return []
  }
  const items = readList(feeds, 'a list of feeds')
  if (items?.length === 0) {
    file.report(feeds, `feeds: no feed, allowed: 1 to ${MAX_FEEDS} feeds`)
  }
  const excess = items?.[MAX_FEEDS]
  if (excess !== undefined) {
    file.report(excess, `feeds: ${items?.length} feeds, allowed: 1 to ${MAX_FEEDS} feeds`)
  }
  return readFeedList(items?.slice(0, MAX_FEEDS) ?? [], options)
}

function readFeedList(items: readonly YamlValue[], options: FeedFileOptions): FeedDefinition[] {
  const rkeys = new Map<string, YamlValue>()
  return items.flatMap((item) => {
    const fields = readMap({ ...item, name: 'feed' }, FEED_KEYS)
    if (fields === undefined) {
      return []
    }
    const definition = readFeed(item, fields, options)
    const place = fields.get('rkey')
    const earlier = rkeys.get(definition.rkey)
    if (place !== undefined && earlier !== undefined) {
      const line = place.file.lineOf(earlier)
      const problem = `${quote(definition.rkey)} is the rkey of the feed on line ${line} too`
      // An alias of a whole feed repeats its rkey at the same place.
      const repeated = place.offset === earlier.offset ? item : place
      item.file.report(repeated, `rkey: ${problem}, allowed: one feed for each rkey`)
    } else if (place !== undefined && definition.rkey !== '') {
      rkeys.set(definition.rkey, place)
    }
    return [definition]
  })
}

/** What is wrong is reported and stands as an empty text: nobody sees a definition with problems. */
function readFeed(
  item: YamlValue,
  fields: FeedFields,
  { orders = SERVED_ORDERS, findAvatarFault }: FeedFileOptions,
): FeedDefinition {
  for (const key of REQUIRED_KEYS) {
    if (!fields.has(key)) {
      item.file.report(item, `${key} is missing, a feed needs ${REQUIRED_KEYS.join(', ')}`)
    }
  }
  return {
    rkey: readDecoded(fields.get('rkey'), decodeRkey) ?? '',
    name: readDecoded(fields.get('name'), decodeName) ?? '',
    description: readDecoded(fields.get('description'), decodeDescription) ?? '',
    avatar: readAvatar(fields.get('avatar'), findAvatarFault),
    ...readOrder(fields, orders),
    filter: readFilter(fields),
    pinned: readDecoded(fields.get('pinned'), decodePostUri),
    contentMode: readDecoded(fields.get('contentMode'), oneOf(['video'])),
    acceptsInteractions: readBoolean(fields.get('acceptsInteractions')),
  }
}

function readAvatar(
  place: YamlValue | undefined,
  findFault: FeedFileOptions['findAvatarFault'],
): string | undefined {
  const path = readDecoded(place, decodeAvatar)
  const fault = path === undefined ? undefined : findFault?.(path)
  if (place !== undefined && path !== undefined && fault !== undefined) {
    const allowed =
      'allowed: a PNG or JPEG of at most 1,000,000 bytes, its path relative to this file'
    place.file.report(place, `avatar: ${quote(path)}: ${fault}; ${allowed}`)
  }
  return path
}

function readOrder(
  fields: FeedFields,
  orders: readonly Order[],
): { order: Order; trending: TrendingOptions | undefined } {
  const place = fields.get('order')
  const order = place === undefined ? 'recent' : readDecoded(place, oneOf(ORDERS, orders))
  if (place !== undefined && order !== undefined && !orders.includes(order)) {
    const problem = `order ${order} is not available in this version`
    place.file.report(place, `${problem}; allowed: ${orders.join(', ')}`)
  }
  const block = fields.get('trending')
  const options = block === undefined ? DEFAULT_TRENDING : readTrending(block)
  if (block !== undefined && order !== undefined && order !== 'trending') {
    block.file.report(block, `trending: the order is ${order}, allowed: only with order: trending`)
  }
  return { order: order ?? 'recent', trending: order === 'trending' ? options : undefined }
}
