import type { ReadDatabase } from '../db/database.ts'
import { tagKey } from '../posts/tagKey.ts'
import { countOf } from '../texts/countOf.ts'
import { US_PER_DAY, US_PER_HOUR } from '../time.ts'
import type { Clock } from '../time.ts'
import type { FeedDefinition } from './feedDefinition.ts'

export interface EmptyFeedOptions {
  readonly definition: FeedDefinition
  readonly filterId: number
  readonly retentionDays: number
  readonly clock: Clock
  /** A ranking has just been made of what there is. */
  readonly hasRanking?: boolean
}

/** Counting stops here: more is `1000 or more`. */
const MAX_COUNTED = 1_000

/** Why a feed has no posts now and what to do about it, as the end of a sentence. */
export async function explainEmptyFeed(
  reader: ReadDatabase,
  { definition, filterId, retentionDays, clock, hasRanking = false }: EmptyFeedOptions,
): Promise<string> {
  const { filter, trending } = definition
  const any = await reader.kysely.selectFrom('post').select('id').limit(1).executeTakeFirst()
  if (any === undefined) {
    return (
      'no post is stored yet: start the service (npm start) with this database, and wait until it has read ' +
      'some of the stream'
    )
  }
  const members = await readNewest(reader, filterId)
  if (members.length === 0) {
    const tagged = await countTagged(reader, [...filter.anyTags, ...filter.allTags])
    return tagged === 0
      ? 'no stored post that is visible carries one of its tags: wait for posts to come, or give it more tags'
      : `none of ${describeCount(tagged)} with one of its tags passes its other rules ` +
          '(tags, media, languages, labels, authors, maxTags): loosen them'
  }
  const [newestUs = 0] = members
  const belonging = `${describeCount(members.length)} would belong to it`
  if (newestUs < clock() - retentionDays * US_PER_DAY) {
    const retention = countOf(retentionDays, 'day')
    return `${belonging}, and none is younger than the ${retention} of FEEDGEN_RETENTION_DAYS`
  }
  if (trending === undefined) {
    return `${belonging}, and none is visible now`
  }
  if (newestUs >= clock() - trending.windowHours * US_PER_HOUR && hasRanking) {
    return `${belonging}, and none is visible now`
  }
  return newestUs < clock() - trending.windowHours * US_PER_HOUR
    ? `${belonging}, and none is younger than its window of ${countOf(trending.windowHours, 'hour')}: ` +
        'wait for new posts, or raise trending.windowHours'
    : `${belonging}, and there is no ranking of them yet: the service that has the role rank makes one; ` +
        'ask again in a minute'
}

/** The times of the newest posts of a filter. */
async function readNewest(reader: ReadDatabase, filterId: number): Promise<number[]> {
  const rows = await reader.kysely
    .selectFrom('filter_post')
    .select('indexed_at')
    .where('filter_id', '=', filterId)
    .orderBy('indexed_at', 'desc')
    .limit(MAX_COUNTED)
    .execute()
  return rows.map(({ indexed_at }) => indexed_at)
}

async function countTagged(reader: ReadDatabase, tags: readonly string[]): Promise<number> {
  const rows = await reader.kysely
    .selectFrom('post_tag')
    .select('post_id')
    .distinct()
    .where('tag', 'in', tags.map(tagKey))
    .limit(MAX_COUNTED)
    .execute()
  return rows.length
}

function describeCount(count: number): string {
  return count >= MAX_COUNTED
    ? `${MAX_COUNTED} or more stored posts`
    : countOf(count, 'stored post')
}
