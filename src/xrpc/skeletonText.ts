import type { Page } from '../feeds/feed.ts'

const PIN = 'app.bsky.feed.defs#skeletonReasonPin'

/**
 * A page as the JSON text of the lexicon; `cursor` is left out, not null, when nothing is left. At-uris
 * and cursors hold nothing that JSON escapes, and only ASCII: DIDs, NSIDs and record keys are checked
 * before they are stored.
 */
export function skeletonText({ posts, hasPin, cursor }: Page, requestId?: string): string {
  const id = requestId === undefined ? '' : `,"reqId":"${requestId}"`
  const end = cursor === undefined ? `]${id}}` : `],"cursor":"${cursor}"${id}}`
  if (posts.length === 0) {
    return `{"feed":[${end}`
  }
  const pin = `{"post":"${posts[0] ?? ''}","reason":{"$type":"${PIN}"}}`
  if (!hasPin) {
    return `{"feed":[${list(posts)}${end}`
  }
  return posts.length === 1
    ? `{"feed":[${pin}${end}`
    : `{"feed":[${pin},${list(posts.slice(1))}${end}`
}

function list(posts: readonly string[]): string {
  return `{"post":"${posts.join('"},{"post":"')}"}`
}
