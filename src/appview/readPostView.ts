import { looseCount, looseList, looseObject, looseText } from './loose.ts'
import type { Author, PostView, Quote } from './postView.ts'
import { readEmbed, readPictureUrl } from './readEmbed.ts'
import { readRichText } from './richText.ts'
import { findWithheldReason, selfLabels } from './withheldReason.ts'

const MAX_TEXT = 10_000
const MAX_NAME = 640

export interface ViewReader {
  /** Pictures may come from this machine. */
  readonly allowLocalNetwork: boolean
}

/** A `postView` of the AppView as a page may show it; undefined for what is none. */
export function readPostView(view: unknown, reader: ViewReader): PostView | undefined {
  const { uri, author, record, embed, labels, ...counts } = looseObject(view)
  const readAuthor = authorOf(author, reader)
  if (typeof uri !== 'string' || readAuthor === undefined) {
    return undefined
  }
  const reason = findWithheldReason(labels, looseObject(author)['labels'], selfLabels(record))
  if (reason !== undefined) {
    return { kind: 'withheld', uri, reason }
  }
  const { text, facets } = looseObject(record)
  return {
    ...{ kind: 'shown', uri, author: readAuthor },
    segments: readRichText(looseText(text, MAX_TEXT), facets),
    embed: readEmbed(embed, { ...reader, readQuote: (quoted) => readQuote(quoted, reader) }),
    counts: {
      likes: looseCount(counts['likeCount']),
      reposts: looseCount(counts['repostCount']),
      replies: looseCount(counts['replyCount']),
      quotes: looseCount(counts['quoteCount']),
    },
  }
}

/** The same of a record alone, whose author nobody has told of: no pictures, no counts. */
export function readPostRecord(uri: string, record: unknown): PostView {
  const reason = findWithheldReason(selfLabels(record))
  if (reason !== undefined) {
    return { kind: 'withheld', uri, reason }
  }
  const { text, facets, embed } = looseObject(record)
  return {
    ...{ kind: 'shown', uri, author: undefined, counts: undefined },
    segments: readRichText(looseText(text, MAX_TEXT), facets),
    embed: readEmbed(embed, {
      allowLocalNetwork: false,
      readQuote: () => ({ kind: 'withheld', reason: 'unknown' }),
    }),
  }
}

function authorOf(value: unknown, reader: ViewReader): Author | undefined {
  const { did, handle, displayName, avatar } = looseObject(value)
  if (typeof did !== 'string') {
    return undefined
  }
  const known = typeof handle === 'string' && handle !== 'handle.invalid' ? handle : undefined
  return {
    did,
    handle: known?.slice(0, MAX_NAME),
    name: looseText(displayName, MAX_NAME).trim() || (known ?? did),
    avatar: readPictureUrl(avatar, reader),
  }
}

/** What is quoted: posts, and other things that are left out. */
function readQuote(quoted: unknown, reader: ViewReader): Quote | undefined {
  const { $type, uri, author, value, labels, embeds } = looseObject(quoted)
  const kind = typeof $type === 'string' ? ($type.split('#')[1] ?? '') : ''
  switch (kind) {
    case 'viewNotFound':
    case 'viewBlocked':
    case 'viewDetached':
      return { kind: 'withheld', reason: 'gone' }
    case 'viewRecord': {
      const quotedAuthor = authorOf(author, reader)
      if (typeof uri !== 'string' || quotedAuthor === undefined) {
        return undefined
      }
      const reason = findWithheldReason(labels, looseObject(author)['labels'], selfLabels(value))
      if (reason !== undefined) {
        return { kind: 'withheld', reason }
      }
      const { text, facets } = looseObject(value)
      const [embed] = looseList(embeds)
      return {
        ...{ kind: 'shown', uri, author: quotedAuthor },
        segments: readRichText(looseText(text, MAX_TEXT), facets),
        // What a quoted post quotes is a click away.
        embed: readEmbed(embed, { ...reader, readQuote: () => undefined }),
      }
    }
    default:
      return undefined
  }
}
