import type { AskPosts } from './askPosts.ts'
import type { PostView } from './postView.ts'
import { readPostRecord } from './readPostView.ts'

/** The stored records of some posts, by at-uri; those that are not stored are left out. */
export type RecordsOf = (uris: readonly string[]) => Promise<ReadonlyMap<string, unknown>>

/** What a page may show of some posts, in their order. */
export type LookUpPosts = (uris: readonly string[]) => Promise<readonly PostView[]>

/** The AppView is asked first, if anybody is; the records stand in where it did not answer. */
export function createLookUp(ask: AskPosts | undefined, recordsOf: RecordsOf): LookUpPosts {
  return async (uris) => {
    const known: ReadonlyMap<string, PostView> = (await ask?.views(uris)) ?? new Map()
    const missing = uris.filter((uri) => !known.has(uri))
    const records = missing.length === 0 ? new Map() : await recordsOf(missing)
    return uris.map((uri) => {
      const view = known.get(uri)
      if (view !== undefined) {
        return view
      }
      const record: unknown = records.get(uri)
      if (record === undefined || ask?.isReserved(uri) === true) {
        return { kind: 'withheld', uri, reason: record === undefined ? 'unknown' : 'login' }
      }
      return readPostRecord(uri, record)
    })
  }
}
