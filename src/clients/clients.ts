import type { ReadDatabase } from '../db/database.ts'
import type { TrendingOptions } from '../feeds/feedDefinition.ts'
import { US_PER_DAY } from '../time.ts'
import type { Clock } from '../time.ts'
import { createExplainPost } from './explainPost.ts'
import type { ExplainPost } from './explainPost.ts'
import { createFeedRankings } from './feedRankings.ts'
import { createFindPlace } from './findPlace.ts'
import type { FindPlace } from './findPlace.ts'
import { preparePostLists } from './postLists.ts'
import { createReadViews } from './postViews.ts'
import type { ReadViews } from './postViews.ts'
import type { ReadRanked } from './rankedPosts.ts'
import { Rankings } from './rankings.ts'
import { createReadEngagement } from './readEngagement.ts'
import type { ReadEngagement } from './readEngagement.ts'
import { createReadFacts } from './readFacts.ts'
import type { PostReader } from './readPosts.ts'
import { Totals } from './totals.ts'

export interface ClientsOptions {
  readonly database: ReadDatabase
  readonly retentionDays: number
  readonly trending: TrendingOptions
  readonly clock: Clock
  /** The id of the filter of a feed, by its record key. */
  readonly filterIdOf: (rkey: string) => number | undefined
  /** Told of every generation of a ranking into which somebody is given a cursor. */
  readonly onServed?: (generation: number) => void
}

/** What queries of programs are answered from. */
export interface Clients {
  readonly reader: PostReader
  readonly readViews: ReadViews
  readonly readEngagement: ReadEngagement
  readonly findPlace: FindPlace
  readonly explainPost: ExplainPost
  readonly rankings: Rankings
  /** The ranking of a feed, by its key. */
  readonly feedRanking: (key: string) => ReadRanked
  readonly totals: Totals
  readonly filterIdOf: (rkey: string) => number | undefined
}

export function createClients(options: ClientsOptions): Clients {
  const { database, retentionDays, trending, clock, filterIdOf, onServed = () => {} } = options
  const reader: PostReader = {
    lists: preparePostLists(database),
    readFacts: createReadFacts(database),
    oldest: () => clock() - retentionDays * US_PER_DAY,
  }
  return {
    reader,
    readViews: createReadViews(database, reader.oldest),
    readEngagement: createReadEngagement(database, reader.oldest),
    findPlace: createFindPlace(database),
    explainPost: createExplainPost({ database, retentionDays, clock }),
    rankings: new Rankings({ database, reader, trending, clock }),
    feedRanking: createFeedRankings({ database, oldest: reader.oldest, onServed }),
    totals: new Totals(reader, clock),
    filterIdOf,
  }
}
