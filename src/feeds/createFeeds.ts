import type { ReadDatabase, WriteDatabase } from '../db/database.ts'
import type { Logger } from '../logger.ts'
import { FeedFilters } from '../posts/feedFilters.ts'
import { buildFilter, registerFilters } from '../posts/filters.ts'
import type { Clock } from '../time.ts'
import type { Feed } from './feed.ts'
import { filterOf } from './feedDefinition.ts'
import type { FeedDefinition } from './feedDefinition.ts'
import { createFollowingFeed } from './following.ts'
import { preparePageStatements } from './pageStatements.ts'
import { rankingOf } from './rankingDefinition.ts'
import { prepareRankingStatements } from './rankingStatements.ts'
import { createRecentFeed } from './recent.ts'
import { createTrendingFeed } from './trending.ts'

/**
 * Makes the store ready for the filters of the feeds: one that is new, or has changed, looks at all
 * stored posts.
 */
export async function prepareFilters(
  writer: WriteDatabase,
  definitions: readonly FeedDefinition[],
  options: { clock: Clock; logger: Logger; signal?: AbortSignal | undefined },
): Promise<FeedFilters> {
  const { clock, logger, signal } = options
  const filters = definitions.map(filterOf)
  const registered = await registerFilters(writer, filters, clock())
  const built = new Set<number>()
  for (const [index, { id, filter, ready }] of registered.entries()) {
    if (!ready && !built.has(id)) {
      built.add(id)
      const startedAt = performance.now()
      const posts = await buildFilter(writer, id, filter, signal)
      const ms = Math.round(performance.now() - startedAt)
      const rkey = definitions[index]?.rkey
      logger.info(
        { event: 'filterBuilt', rkey, posts, ms },
        `looked at the stored posts for ${rkey}`,
      )
    }
  }
  return new FeedFilters(registered.map(({ id }) => id))
}

export interface FeedsOptions {
  readonly reader: ReadDatabase
  readonly definitions: readonly FeedDefinition[]
  /** Of these feeds. */
  readonly filters: FeedFilters
  readonly retentionDays: number
  readonly clock: Clock
  /** Told of every generation of a ranking into which a reader is given a cursor. */
  readonly onServed?: (generation: number) => void
}

/** The feeds, ready to be read. */
export function createFeeds(options: FeedsOptions): Feed[] {
  const { reader, definitions, filters, retentionDays, clock, onServed = () => {} } = options
  const statements = { ...preparePageStatements(reader), ...prepareRankingStatements(reader) }
  return definitions.map((definition, index) => {
    const filterId = (): number => filters.at(index)
    const ranking = rankingOf(definition)
    if (ranking !== undefined) {
      const { key } = ranking
      return createTrendingFeed({ definition, key, statements, retentionDays, clock, onServed })
    }
    const create = definition.order === 'following' ? createFollowingFeed : createRecentFeed
    return create({ definition, filterId, statements, retentionDays, clock })
  })
}
