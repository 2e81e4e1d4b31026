import { ORDERS } from '../feeds/feedDefinition.ts'
import type { FeedDefinition, Order, TrendingOptions } from '../feeds/feedDefinition.ts'
import { quote } from '../texts/quote.ts'
import { createFileShape } from './feedShape.ts'
import type { FeedFields } from './feedShape.ts'
import type { Field } from './mapShape.ts'
import { readFilter } from './readFilter.ts'
import { DEFAULT_TRENDING, readTrending } from './readTrending.ts'
import type { Entry } from './shape.ts'
import { openYaml } from './yamlFile.ts'
import type { YamlFile } from './yamlFile.ts'

export interface FeedFileOptions {
  /** The orders that this program can serve; a feed with another is a problem. Default: `ORDERS`. */
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
  const feeds = readFeeds(file, options.orders)
  const definitions = feeds.map(({ value }) => readFeed(value, options))
  reportRepeatedRkeys(feeds)
  file.throwProblems()
  return definitions
}

function readFeeds(
  file: YamlFile,
  orders: readonly Order[] = ORDERS,
): readonly Entry<FeedFields>[] {
  const { root } = file
  if (root.node === undefined) {
    file.report(root, 'the file is empty, allowed: feeds: with a list of feeds')
    return []
  }
  return createFileShape(orders).read(root)?.feeds?.value ?? []
}

function reportRepeatedRkeys(feeds: readonly Entry<FeedFields>[]): void {
  const first = new Map<string, Field<string>['place']>()
  for (const { value, place } of feeds) {
    const rkey = value.rkey
    if (rkey?.value === undefined) {
      continue
    }
    const earlier = first.get(rkey.value)
    if (earlier === undefined) {
      first.set(rkey.value, rkey.place)
      continue
    }
    const line = place.file.lineOf(earlier)
    const problem = `${quote(rkey.value)} is the rkey of the feed on line ${line} too`
    // An alias of a whole feed repeats its rkey at the same place.
    const repeated = rkey.place.offset === earlier.offset ? place : rkey.place
    place.file.report(repeated, `rkey: ${problem}, allowed: one feed for each rkey`)
  }
}

/** What is wrong is reported and stands as an empty text: nobody sees a definition with problems. */
function readFeed(fields: FeedFields, options: FeedFileOptions): FeedDefinition {
  reportAvatar(fields.avatar, options.findAvatarFault)
  return {
    rkey: fields.rkey?.value ?? '',
    name: fields.name?.value ?? '',
    description: fields.description?.value ?? '',
    avatar: fields.avatar?.value,
    ...readOrder(fields, options.orders),
    filter: readFilter(fields),
    pinned: fields.pinned?.value,
    contentMode: fields.contentMode?.value,
    acceptsInteractions: fields.acceptsInteractions?.value,
  }
}

function reportAvatar(
  avatar: Field<string> | undefined,
  findFault: FeedFileOptions['findAvatarFault'],
): void {
  const fault = avatar?.value === undefined ? undefined : findFault?.(avatar.value)
  if (avatar?.value !== undefined && fault !== undefined) {
    const allowed =
      'allowed: a PNG or JPEG of at most 1,000,000 bytes, its path relative to this file'
    const problem = `avatar: ${quote(avatar.value)}: ${fault}; ${allowed}`
    avatar.place.file.report(avatar.place, problem)
  }
}

function readOrder(
  fields: FeedFields,
  orders: readonly Order[] = ORDERS,
): { order: Order; trending: TrendingOptions | undefined } {
  const { order: written, trending: block } = fields
  const order = written === undefined ? 'recent' : written.value
  if (written !== undefined && order !== undefined && !orders.includes(order)) {
    const problem = `order ${order} is not available in this version`
    written.place.file.report(written.place, `${problem}; allowed: ${orders.join(', ')}`)
  }
  if (block !== undefined && order !== undefined && order !== 'trending') {
    const problem = `trending: the order is ${order}, allowed: only with order: trending`
    block.place.file.report(block.place, problem)
  }
  const options = block?.value === undefined ? DEFAULT_TRENDING : readTrending(block.value)
  return { order: order ?? 'recent', trending: order === 'trending' ? options : undefined }
}
