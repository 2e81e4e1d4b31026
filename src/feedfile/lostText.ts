/**
 * Text of a feeds file that YAML takes for a comment and its writer did not: `tags: [#art]`, `Feed #1`.
 * YAML says nothing of it, or names only consequences.
 */
import { Lexer, isMap, isNode, isScalar, isSeq, parseDocument } from 'yaml'
import type { YAMLMap } from 'yaml'
import { shorten } from '../texts/quote.ts'

export interface LostText {
  readonly offset: number
  readonly problem: string
}

interface Comment {
  readonly offset: number
  /** From its `#` to the end of the line. */
  readonly text: string
  /** Between brackets or braces. */
  readonly isInFlow: boolean
}

const GUARDED = new Set(['name', 'description', 'tags'])
/** Each may hide the next. Of a file with more nothing else is said: the rest would be consequences. */
const MAX_ROUNDS = 50
/** Tokens of the lexer that stand for no text. */
const MARKS = new Set(['\u0002', '\u0018', '\u001F', '\uFEFF'])

/**
 * Finds what is lost in names, descriptions and tags, and gives the text with each `#` of it made
 * harmless, every character at its place: what else is wrong with the file shows in that.
 */
export function findLostText(text: string): {
  readonly lost: LostText[]
  readonly mended: string
  /** Whether there may be more. */
  readonly isCut: boolean
} {
  const lost: LostText[] = []
  let mended = text
  let isCut = true
  for (let round = 0; round < MAX_ROUNDS && /#\S/u.test(mended); round += 1) {
    // A `#` that is followed by a blank is a comment that is meant.
    const comments = findComments(mended).filter((comment) => /^#\S/u.test(comment.text))
    const found = comments.length === 0 ? [] : judge(mended, comments)
    if (found.length === 0) {
      isCut = false
      break
    }
    for (const { comment, problem } of found) {
      lost.push({ offset: comment.offset, problem })
      mended = mend(mended, comment)
    }
  }
  return { lost, mended, isCut: isCut && /#\S/u.test(mended) }
}

function findComments(text: string): Comment[] {
  const comments: Comment[] = []
  let [offset, depth] = [0, 0]
  for (const token of new Lexer().lex(text)) {
    if (token.startsWith('#') && text.startsWith(token, offset)) {
      comments.push({ offset, text: token.trimEnd(), isInFlow: depth > 0 })
    } else if (token === '[' || token === '{') {
      depth += 1
    } else if (token === ']' || token === '}') {
      depth -= 1
    }
    offset += MARKS.has(token) ? 0 : token.length
  }
  return comments
}

/** A value that is guarded, and all behind it up to the next key. */
interface Region {
  readonly key: string
  readonly keyOffset: number
  readonly start: number
  /** Where the value ends. */
  readonly valueEnd: number
  readonly end: number
  /** Undefined for what is no text without quotes. */
  readonly plain: { readonly start: number } | undefined
}

function judge(text: string, comments: readonly Comment[]) {
  const regions = findRegions(text)
  const found = comments.flatMap((comment) => {
    const region = regions.find(({ start, end }) => comment.offset >= start && comment.offset < end)
    return region !== undefined && isLost(text, comment, region)
      ? [{ comment, problem: describe(text, comment, region) }]
      : []
  })
  // One between brackets hides their end: where the next ones stand shows when it is mended.
  const first = found.findIndex(({ comment }) => comment.isInFlow)
  return first === -1 ? found : found.slice(0, first + 1)
}

function findRegions(text: string): Region[] {
  const { contents } = parseDocument(text, {
    logLevel: 'silent',
    prettyErrors: false,
    resolveKnownTags: false,
    uniqueKeys: false,
  })
  const feeds: unknown = isMap(contents) ? contents.get('feeds', true) : undefined
  if (!isMap(contents) || !isSeq(feeds)) {
    return []
  }
  const after = contents.items
    .map(({ key }) => startOf(key))
    .find((start) => start > (feeds.range?.[0] ?? 0))
  return feeds.items.flatMap((feed, index) =>
    isMap(feed) ? regionsOf(feed, startOf(feeds.items[index + 1]) || after || text.length) : [],
  )
}

function regionsOf(feed: YAMLMap, next: number): Region[] {
  // What stands behind a whole feed on one line belongs to none of its values.
  const end = feed.flow === true ? (feed.range?.[1] ?? next) : next
  return feed.items.flatMap(({ key, value }, index) => {
    if (!isScalar(key) || !GUARDED.has(String(key.value)) || !key.range) {
      return []
    }
    const [start, valueEnd] = isNode(value) ? (value.range ?? []) : []
    const isPlain = isScalar(value) && value.type === 'PLAIN' && start !== undefined
    return [
      {
        key: String(key.value),
        keyOffset: key.range[0],
        start: key.range[1],
        valueEnd: valueEnd ?? key.range[1],
        end: startOf(feed.items[index + 1]?.key) || end,
        plain: isPlain ? { start } : undefined,
      },
    ]
  })
}

/** 0 where there is none: nothing that follows a feed is there. */
function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

/** Behind the value on its line, inside it, or deeper than its key: a line of its own below may be meant. */
function isLost(text: string, { offset, isInFlow }: Comment, region: Region): boolean {
  const column = columnOf(text, offset)
  const before = text.slice(offset - column, offset).trim()
  const isBehind = before !== '' && !/^(?:-\s*)+$/u.test(before)
  const isDeeper = column > columnOf(text, region.keyOffset)
  return isInFlow || isBehind || isDeeper || offset < region.valueEnd
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1)
}

function describe(text: string, comment: Comment, { key, plain }: Region): string {
  const word = (comment.isInFlow ? /^#+[^\s,\]}]*/u : /^#+\S*/u).exec(comment.text)?.[0] ?? '#'
  const bare = word.replace(/^#+/u, '')
  const lost = comment.isInFlow ? /^[^,\]}]*/u.exec(comment.text)?.[0] : comment.text
  const before = plain === undefined ? '' : text.slice(plain.start, comment.offset)
  const whole = `${before.replaceAll(/\s+/gu, ' ')}${lost ?? ''}`.trimEnd()
  const inQuotes = `the whole text in quotes: ${key}: ${JSON.stringify(shorten(whole, 80))}`
  const asTag = `${shorten(bare, 40)} without #, or in quotes: ${JSON.stringify(shorten(word, 40))}`
  const asText = key === 'tags' && bare !== '' ? asTag : inQuotes
  const allowed = followsEnd(text, comment) ? '' : `${asText}; or `
  return (
    `${key}: ${shorten(word, 40)} begins a comment, and the rest of the line is lost, ` +
    `allowed: ${allowed}a comment with a blank after its #`
  )
}

/** Whether it stands behind quotes or brackets that are closed: it can be part of no text. */
function followsEnd(text: string, { offset }: Comment): boolean {
  return /["'\]}][ \t]*$/u.test(text.slice(offset - columnOf(text, offset), offset))
}

/** As text where something goes on behind it; else as a comment that is meant. */
function mend(text: string, comment: Comment): string {
  const { offset, isInFlow } = comment
  const column = columnOf(text, offset)
  const isAlone = text.slice(offset - column, offset).trim() === ''
  const follows = followsEnd(text, comment)
  if (!isInFlow && (isAlone || follows)) {
    return `${text.slice(0, offset + 1)} ${text.slice(offset + 2)}`
  }
  return `${text.slice(0, offset)}${follows ? ',' : 'x'}${text.slice(offset + 1)}`
}
