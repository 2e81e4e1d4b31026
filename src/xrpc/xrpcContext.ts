import type { ActivityStatements } from '../activity/activityStatements.ts'
import type { Clients } from '../clients/clients.ts'
import type { ServiceIdentity } from '../config/serviceIdentity.ts'
import type { Registry } from '../feeds/registry.ts'
import type { Logger } from '../logger.ts'
import type { FindPosts } from '../posts/findPosts.ts'
import type { Metrics } from '../status/metrics.ts'
import type { TagCounts } from '../tags/tagCounts.ts'
import type { Viewers } from '../viewers/viewers.ts'
import type { AdmitCaller } from './admitCaller.ts'
import type { ReadClientAddress } from './clientAddress.ts'

/** What the methods of XRPC answer from. */
export interface XrpcContext {
  readonly identity: ServiceIdentity
  readonly registry: Registry
  readonly metrics: Metrics
  readonly logger: Logger
  readonly viewers: Viewers
  readonly clients: Clients
  readonly addressOf: ReadClientAddress
  readonly admit: AdmitCaller
  /** The DID of a handle. @throws when there is none */
  readonly resolveHandle: (handle: string) => Promise<string>
  readonly findPosts: FindPosts
  readonly activity: ActivityStatements
  readonly tagCounts: TagCounts
  /** As `ReadDatabase.version`: undefined means that no body may be kept. */
  readonly version: () => number | undefined
}
