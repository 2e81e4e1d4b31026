import type { LookUpPosts } from '../appview/lookUpPosts.ts'
import type { ExplainPost } from '../clients/explainPost.ts'
import type { ReadDatabase } from '../db/database.ts'
import type { FeedDefinition } from '../feeds/feedDefinition.ts'
import type { Registry } from '../feeds/registry.ts'
import type { FeedFilters } from '../posts/feedFilters.ts'
import type { HealthOptions } from '../status/health.ts'
import type { TagCounts } from '../tags/tagCounts.ts'
import type { Clock } from '../time.ts'
import type { Site } from './frame/pageFrame.ts'
import type { ServiceState } from './frame/serviceState.ts'
import type { ShownFeed } from './pages/homePage.ts'
import type { Avatars } from './sources/avatars.ts'
import type { FeedCounts } from './sources/feedCounts.ts'

/** What the pages are made of. */
export interface WebContext {
  readonly site: Site
  /** Undefined when this process does not serve feeds. */
  readonly registry: Registry | undefined
  readonly definitions: readonly FeedDefinition[]
  readonly filters: FeedFilters
  readonly retentionDays: number
  readonly reader: ReadDatabase
  readonly health: HealthOptions
  readonly clock: Clock
  readonly counts: FeedCounts
  readonly avatars: Avatars
  readonly lookUp: LookUpPosts
  /** Undefined when this process does not serve feeds. */
  readonly tools: WebTools | undefined
  readonly state: () => ServiceState
  /** The feed at a place of the definitions. */
  readonly shownFeed: (index: number) => ShownFeed
}

/** What pages ask beside feeds. */
export interface WebTools {
  readonly tagCounts: TagCounts
  readonly explainPost: ExplainPost
  /** The at-uri of a post from its link. @throws RequestError for what is none */
  readonly readPostAddress: (text: string) => Promise<string>
}
