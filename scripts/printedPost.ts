import type { Order } from '../src/feeds/feedDefinition.ts'
import type { WalkedPost } from '../src/feeds/walkFeed.ts'
import { countOf } from '../src/texts/countOf.ts'
import { formatUs } from '../src/time.ts'
import type { Explanation } from '../src/trending/explainRanking.ts'

/** A post as `printFeed` prints it. */
export interface PrintedPost extends WalkedPost {
  /** Its place in the feed, from 1. */
  readonly rank: number
  /** Undefined when nobody asked, and for a post that is not ranked. */
  readonly reason: Explanation | undefined
}

export function jsonLine({ rank, post, indexedAt, reason }: PrintedPost): string {
  const line = { rank, uri: post, indexedAt: indexedAt ?? null }
  if (reason === undefined) {
    return JSON.stringify(line)
  }
  const { score, counts, ageHours, isFeatured, authorRank } = reason
  return JSON.stringify({ ...line, score, ...counts, ageHours, featured: isFeatured, authorRank })
}

export function textLine({ rank, post, indexedAt, reason }: PrintedPost): string {
  const time = indexedAt === undefined ? 'pinned'.padEnd(24) : formatUs(indexedAt)
  const line = `${String(rank).padStart(5)}  ${time}  ${post}`
  if (reason === undefined) {
    return line
  }
  const { counts, ageHours, decay, boost, penalty, score } = reason
  const { likes, replies, reposts, quotes, views } = counts
  return [
    line,
    `       score ${score.toPrecision(6)}: ${countOf(likes, 'like')}, ${countOf(replies, 'reply', 'replies')}, ` +
      `${countOf(reposts, 'repost')}, ${countOf(quotes, 'quote')}, ${countOf(views, 'view')}; age ${ageHours.toFixed(2)} h divides by ` +
      `${decay.toPrecision(4)}, boost × ${boost}, author × ${penalty}`,
  ].join('\n')
}

/** What the order of a feed means. */
export function legend(order: Order): string {
  return order === 'trending'
    ? 'by weighted engagement divided by a power of the age; equal scores newest first'
    : 'newest first, by indexed_at, then cid, then uri'
}
