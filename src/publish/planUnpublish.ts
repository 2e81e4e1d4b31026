import type { StoredRecord } from '../pds/storedRecord.ts'
import { findOrphans, findOtherOwner } from './planPublish.ts'

export interface UnpublishPlan {
  readonly records: readonly StoredRecord[]
  /** Why nothing can be deleted; empty when all can. */
  readonly problems: readonly string[]
}

export interface UnpublishPlanOptions {
  readonly serviceDid: string
  readonly knownRkeys: ReadonlySet<string>
  readonly takesOver: boolean
}

/** Chooses the records to delete, by record key or as orphans. */
export function planUnpublish(
  chosen: readonly string[] | 'orphans',
  stored: readonly StoredRecord[],
  options: UnpublishPlanOptions,
): UnpublishPlan {
  if (chosen === 'orphans') {
    return { records: findOrphans(stored, options), problems: [] }
  }
  const byRkey = new Map(stored.map((record) => [record.rkey, record]))
  const records: StoredRecord[] = []
  const problems: string[] = []
  for (const rkey of new Set(chosen)) {
    const record = byRkey.get(rkey)
    const owner = record && findOtherOwner(record.value, options.serviceDid)
    if (record === undefined) {
      const there = [...byRkey.keys()].slice(0, 50).join(', ') || 'none'
      problems.push(`${rkey}: the repository has no such feed; it has: ${there}`)
    } else if (owner !== undefined && !options.takesOver) {
      problems.push(`${rkey} is ${owner}: give --take-over to delete it nevertheless`)
    } else {
      records.push(record)
    }
  }
  return { records, problems }
}
