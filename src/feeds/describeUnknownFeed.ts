import { findNearMiss } from '../texts/nearMiss.ts'
import type { FeedDefinition } from './feedDefinition.ts'

/** What to say of a record key that no feed of the file has. */
export function describeUnknownFeed(
  rkey: string,
  definitions: readonly FeedDefinition[],
  feedsFile: string,
): string {
  const known = definitions.map((definition) => definition.rkey)
  const nearest = findNearMiss(rkey, known)
  const hint = nearest === undefined ? '' : ` (did you mean '${nearest}'?)`
  return `${feedsFile} has no feed '${rkey}'${hint}: it has ${known.join(', ')}`
}
