import { isValidDid } from '@atproto/syntax'
import type { Fetch } from '../identity/guardedFetch.ts'
import { IdentityError } from '../identity/identityError.ts'

/** A record `app.bsky.graph.follow`. */
export interface Follow {
  readonly rkey: string
  /** DID. */
  readonly subject: string
}

/** A page of `com.atproto.repo.listRecords`, its records in the order in which they came. */
export interface FollowPage {
  readonly rkeys: readonly string[]
  /** Those of the records that name somebody. */
  readonly follows: readonly Follow[]
  readonly cursor: string | undefined
}

export interface PageQuery {
  readonly cursor?: string | undefined
  /** Oldest first. */
  readonly reverse?: boolean
}

export type ReadFollowPage = (query: PageQuery) => Promise<FollowPage>

/** The most that a PDS gives at once. */
export const PAGE_SIZE = 100
const COLLECTION = 'app.bsky.graph.follow'
/** A PDS that sends pages for ever, or one now and then, holds up nobody else for longer. */
const MAX_READING_MS = 60_000

/** Reads pages of one repository. What a PDS sends of another one is not believed. */
export function createPageReader(
  did: string,
  { pdsUrl, fetch }: { readonly pdsUrl: string; readonly fetch: Fetch },
): ReadFollowPage {
  const endsAt = performance.now() + MAX_READING_MS
  return async ({ cursor, reverse }) => {
    if (performance.now() >= endsAt) {
      throw new IdentityError('the PDS of the viewer is too slow')
    }
    const url = new URL('/xrpc/com.atproto.repo.listRecords', pdsUrl)
    url.searchParams.set('repo', did)
    url.searchParams.set('collection', COLLECTION)
    url.searchParams.set('limit', String(PAGE_SIZE))
    if (cursor !== undefined) {
      url.searchParams.set('cursor', cursor)
    }
    if (reverse === true) {
      url.searchParams.set('reverse', 'true')
    }
    const response = await fetch(url, { headers: { accept: 'application/json' } })
    if (!response.ok) {
      await response.body?.cancel()
      throw new IdentityError(`the PDS of the viewer answers ${response.status}`)
    }
    return readPage(did, await response.json())
  }
}

/** @throws IdentityError when it is no page of this repository */
function readPage(did: string, body: unknown): FollowPage {
  const { records, cursor } = fieldsOf(body)
  if (!Array.isArray(records) || records.length > PAGE_SIZE) {
    throw new IdentityError('the PDS of the viewer sends no page of records')
  }
  const prefix = `at://${did}/${COLLECTION}/`
  const rkeys: string[] = []
  const follows: Follow[] = []
  for (const record of records) {
    const { uri, value } = fieldsOf(record)
    if (typeof uri !== 'string' || !uri.startsWith(prefix)) {
      throw new IdentityError('the PDS of the viewer sends records of another repository')
    }
    const rkey = uri.slice(prefix.length)
    const { subject } = fieldsOf(value)
    rkeys.push(rkey)
    if (typeof subject === 'string' && isValidDid(subject)) {
      follows.push({ rkey, subject })
    }
  }
  return {
    rkeys,
    follows,
    cursor: typeof cursor === 'string' && cursor !== '' ? cursor : undefined,
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
