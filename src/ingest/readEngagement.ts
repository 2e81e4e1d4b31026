import { LIKE, POST, REPOST } from './collections.ts'
import type { KeptPosts } from './keptPosts.ts'
import type { Engagement } from './rowOps.ts'

type Json = Readonly<Record<string, unknown>>

const POST_URI = /^at:\/\/(did:[a-z]+:[\w.:%-]{1,2048})\/app\.bsky\.feed\.post\/([\w.:~-]{1,512})$/

/**
 * What a record does for posts that may be ours: a like or repost of one, a reply in its thread, a
 * quote of it. Nobody engages with a post of their own. Bad parts of the record count as absent.
 */
export function readEngagements(
  collection: string,
  record: Json,
  did: string,
  kept: KeptPosts,
): Engagement[] {
  const found: Engagement[] = []
  const add = (kind: Engagement['kind'], uri: unknown): void => {
    const post = typeof uri === 'string' && kept.mayHave(uri) ? POST_URI.exec(uri) : null
    const [, author = '', rkey = ''] = post ?? []
    if (post !== null && author !== did) {
      found.push({ kind, did: author, rkey })
    }
  }
  switch (collection) {
    case LIKE:
      add('like', uriOf(record['subject']))
      break
    case REPOST:
      add('repost', uriOf(record['subject']))
      break
    case POST:
      add('reply', uriOf(objectOf(record['reply'])['root']))
      add('quote', uriOf(quotedBy(record['embed'])))
      break
    default:
  }
  return found
}

/** The strong reference that an embed quotes. */
function quotedBy(embed: unknown): unknown {
  const { $type, record } = objectOf(embed)
  switch (typeof $type === 'string' ? $type.replace(/#main$/, '') : undefined) {
    case 'app.bsky.embed.record':
      return record
    case 'app.bsky.embed.recordWithMedia':
      return objectOf(record)['record']
    case undefined:
    default:
      return undefined
  }
}

function uriOf(reference: unknown): unknown {
  return objectOf(reference)['uri']
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}
