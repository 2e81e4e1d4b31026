import { isObject } from '../pds/json.ts'
import { countOf } from '../texts/countOf.ts'
import { quoteExcerpt } from '../texts/quote.ts'
import type { Ask, Reply } from './ask.ts'
import { READERS_SEE, wordsFor } from './readersSee.ts'
import { describeError, hasJsonType, readJson } from './readJson.ts'

export interface SkeletonPage {
  readonly posts: readonly string[]
  readonly cursor: string | undefined
  readonly ms: number
}

/** What is wrong with a page, and what readers see of it. */
export interface Trouble {
  readonly problem: string
  readonly advice: string
  /** Undefined when they see posts, though not the right ones. */
  readonly readersSee: string | undefined
  /** 0 when there was no answer. */
  readonly status: number
}

/** The AppView waits no longer than this for a page. */
export const APP_VIEW_MS = 5_000
const POST_URI = /^at:\/\/did:[a-z]+:[\w.:%-]+\/app\.bsky\.feed\.post\/[\w.:~-]+$/u

/** Reads one page as strictly as the AppView, which refuses a whole page for one bad item. */
export async function readSkeletonPage(
  ask: Ask,
  baseUrl: string,
  query: { readonly feed: string; readonly limit: number; readonly cursor?: string },
): Promise<SkeletonPage | Trouble> {
  const search = new URLSearchParams({ ...query, limit: String(query.limit) })
  const url = `${baseUrl}/xrpc/app.bsky.feed.getFeedSkeleton?${search.toString()}`
  const answer = await ask(url, { timeoutMs: APP_VIEW_MS })
  if (answer.ok) {
    return judge(answer, query.limit)
  }
  const { kind, reason, advice } = answer.fault
  const isSlow = kind === 'timeout'
  return {
    status: 0,
    problem: isSlow ? `${reason}, and Bluesky waits no longer: feed unavailable` : reason,
    advice: isSlow
      ? 'look at feedgen_page_seconds in /metrics, and at the load of the machine and its disk'
      : advice,
    readersSee: READERS_SEE.offline,
  }
}

function judge(reply: Reply, limit: number): SkeletonPage | Trouble {
  const { status, ms } = reply
  if (status !== 200) {
    return {
      status,
      problem: describeError(reply),
      advice: 'restart the service with this .env and feeds.yaml, and read its log',
      readersSee: wordsFor(status, ''),
    }
  }
  const json = readJson(reply)
  const { feed, cursor } = json.ok ? json.value : {}
  const posts = readPosts(feed)
  const problem = json.ok ? findFault(reply, { feed, cursor, posts, limit }) : `it ${json.problem}`
  return problem === undefined
    ? { posts, cursor: cursor === '' ? undefined : (cursor as string | undefined), ms }
    : {
        status,
        problem: `the feed provided an invalid response: ${problem}`,
        advice:
          'check that the host name leads to tagfeed, and to nothing that changes its answers',
        readersSee: READERS_SEE.badResponse,
      }
}

/** A value that is no text stands as what it is, for the message about it. */
function readPosts(feed: unknown): string[] {
  const items: readonly unknown[] = Array.isArray(feed) ? feed : []
  return items.map((item) => {
    const post = isObject(item) ? item['post'] : item
    return typeof post === 'string' ? post : (JSON.stringify(post) ?? 'nothing')
  })
}

interface Page {
  readonly feed: unknown
  readonly cursor: unknown
  readonly posts: readonly string[]
  readonly limit: number
}

function findFault(reply: Reply, { feed, cursor, posts, limit }: Page): string | undefined {
  if (!hasJsonType(reply)) {
    return `its content type is ${quoteExcerpt(reply.headers.get('content-type'))}, not application/json`
  }
  if (!Array.isArray(feed)) {
    return "it has no list 'feed'"
  }
  const wrong = posts.find((post) => !POST_URI.test(post))
  if (wrong !== undefined) {
    return `${quoteExcerpt(wrong)} is no at-uri of a post, with a DID`
  }
  if (cursor !== undefined && typeof cursor !== 'string') {
    return `the cursor is ${quoteExcerpt(cursor)}, not a text`
  }
  return posts.length > limit
    ? `${countOf(posts.length, 'post')} where ${limit} were asked for: Bluesky drops the others`
    : undefined
}
