import { whenReady } from '../db/eventually.ts'
import type { Eventually } from '../db/eventually.ts'
import { parseAtUri } from '../texts/parseAtUri.ts'
import type { PageStatements } from './pageStatements.ts'

/** The pinned post of a feed, unless the stream has shown that it is gone or its account hidden. */
export function findPinned(
  pinned: string | undefined,
  { isGone }: PageStatements,
): Eventually<string | undefined> {
  const uri = pinned === undefined ? undefined : parseAtUri(pinned)
  if (uri === undefined) {
    return undefined
  }
  const { authority: did, rkey } = uri
  return whenReady(isGone.all({ did, rkey }), ([row]) => (row?.gone === 1 ? undefined : pinned))
}
