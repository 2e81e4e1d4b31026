const SCHEME = 'at://'
const COLLECTION = 'app.bsky.feed.post'

/** The at-uri of a post. */
export function postUri(did: string, rkey: string): string {
  return `${SCHEME}${did}/${COLLECTION}/${rkey}`
}

/** The DID in the at-uri of a record. */
export function authorOf(uri: string): string {
  return uri.slice(SCHEME.length, uri.indexOf('/', SCHEME.length))
}

/** The record key in an at-uri. */
export function rkeyOf(uri: string): string {
  return uri.slice(uri.lastIndexOf('/') + 1)
}
