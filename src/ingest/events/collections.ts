export const POST = 'app.bsky.feed.post'
export const LIKE = 'app.bsky.feed.like'
export const REPOST = 'app.bsky.feed.repost'
export const FOLLOW = 'app.bsky.graph.follow'

/**
 * The collections whose commits change what is stored; the stream is asked for no others. Follows are an
 * eighth of the network's events, and only a following feed needs them.
 */
export function wantedCollections(hasFollows: boolean): readonly string[] {
  return hasFollows ? [POST, LIKE, REPOST, FOLLOW] : [POST, LIKE, REPOST]
}
