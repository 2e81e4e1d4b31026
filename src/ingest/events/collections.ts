export const POST = 'app.bsky.feed.post'
export const LIKE = 'app.bsky.feed.like'
export const REPOST = 'app.bsky.feed.repost'

/** The collections whose commits change what is stored; the stream is asked for no others. */
export const WANTED_COLLECTIONS: readonly string[] = [POST, LIKE, REPOST]
