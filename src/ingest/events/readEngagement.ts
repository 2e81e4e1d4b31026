import type { EngagementKind } from '../../posts/storedCodes.ts'
import type { Engagement } from './operations.ts'

/** Whether the post with an at-uri may be kept; no is certain. */
export interface MayBeKept {
  mayHave(uri: string): boolean
}

type Json = Readonly<Record<string, unknown>>

const POST_URI = /^at:\/\/(did:[a-z]+:[\w.:%-]{1,2048})\/app\.bsky\.feed\.post\/([\w.:~-]{1,512})$/

/**
 * What a like or repost is for, when that may be a post of ours. Nobody engages with a post of their
 * own; bad parts of the record count as absent.
 */
export function readMark(
  mark: 'like' | 'repost',
  record: Json,
  did: string,
  kept: MayBeKept,
): Engagement | undefined {
  const uri = uriOf(record['subject'])
  return typeof uri === 'string' && kept.mayHave(uri) ? engagementOf(mark, uri, did) : undefined
}

const NONE: readonly Engagement[] = []

/** What a post is for, by the same rules: a reply anywhere in a thread, a quote. */
export function readEngagements(record: Json, did: string, kept: MayBeKept): readonly Engagement[] {
  const root = uriOf(objectOf(record['reply'])['root'])
  const quoted = uriOf(quotedBy(record['embed']))
  const reply =
    typeof root === 'string' && kept.mayHave(root) ? engagementOf('reply', root, did) : undefined
  const quote =
    typeof quoted === 'string' && kept.mayHave(quoted)
      ? engagementOf('quote', quoted, did)
      : undefined
  return reply === undefined && quote === undefined
    ? NONE
    : [reply, quote].filter((engagement) => engagement !== undefined)
}

function engagementOf(kind: EngagementKind, uri: string, did: string): Engagement | undefined {
  const [, author = '', rkey = ''] = POST_URI.exec(uri) ?? []
  return rkey === '' || author === did ? undefined : { kind, did: author, rkey }
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
