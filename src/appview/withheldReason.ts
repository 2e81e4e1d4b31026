import { looseList, looseObject } from './loose.ts'
import type { WithheldReason } from './postView.ts'

/** Of a post or of its author; what a page for everybody shows of them is nothing. */
const ADULT = new Set([
  ...['porn', 'sexual', 'nudity', 'sexual-figurative', 'graphic-media', 'gore', 'nsfl', 'corpse'],
])

/** Why a post is not shown to people who are not logged in, by labels on it, its author and in its record. */
export function findWithheldReason(...lists: readonly unknown[]): WithheldReason | undefined {
  const values = new Set(lists.flatMap(labelValues))
  if (values.has('!takedown') || values.has('!hide') || values.has('!suspend')) {
    return 'gone'
  }
  if (values.has('!no-unauthenticated')) {
    return 'login'
  }
  if ([...values].some((value) => ADULT.has(value))) {
    return 'adult'
  }
  return values.has('!warn') ? 'warned' : undefined
}

/** The labels that authors give in a record. */
export function selfLabels(record: unknown): unknown {
  return looseObject(looseObject(record)['labels'])['values']
}

function labelValues(list: unknown): string[] {
  return looseList(list).flatMap((label) => {
    const { val, neg } = looseObject(label)
    return typeof val === 'string' && neg !== true ? [val] : []
  })
}
