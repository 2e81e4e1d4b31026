import type { RequestHandler } from 'express'
import { badCursor, packPlace, parsePlace } from '../clients/placeCursor.ts'
import type { PostQuery } from '../clients/postQuery.ts'
import type { PostView } from '../clients/postViews.ts'
import { endOf, readPosts } from '../clients/readPosts.ts'
import type { Keyset } from '../feeds/cursor.ts'
import { unauthorized } from '../viewers/serviceToken.ts'
import { answerQuery } from './answerQuery.ts'
import { invalid, readDatetime } from './queryParameters.ts'
import { readPostQuery } from './readPostQuery.ts'
import type { PostParameters } from './readPostQuery.ts'
import type { XrpcContext } from './xrpcContext.ts'

export const GET_POSTS = 'app.tagfeed.getPosts'

/** What `newest` of an answer is good for: any query. */
const NEWEST = 'newest'

/** `app.tagfeed.getPosts` (contract, section 9). */
export function getPosts(context: XrpcContext): RequestHandler {
  const { clients } = context
  return answerQuery(context, GET_POSTS, async (search, isOver, viewer) => {
    const asked = readPostQuery(search, context.registry)
    const query = await toQuery(context, asked, viewer)
    const total = asked.total ? await clients.totals.count(query, isOver) : undefined
    const page =
      asked.order === 'trending'
        ? await readRanked(context, asked, query, isOver)
        : await readPlaces(context, asked, query, isOver)
    const posts = await clients.readViews(page.ids, viewer)
    const newest = page.newest ?? newestOf(posts)
    return {
      posts,
      ...(newest && { newest: packPlace(NEWEST, newest) }),
      ...(page.cursor !== undefined && { cursor: page.cursor }),
      ...(total && { total }),
    }
  })
}

interface Page {
  readonly ids: readonly number[]
  readonly cursor: string | undefined
  /** The newest post of the page; undefined where it is not known before its posts are. */
  readonly newest: Keyset | undefined
}

async function readPlaces(
  { clients }: XrpcContext,
  { cursor, limit }: PostParameters,
  query: PostQuery,
  isOver: () => boolean,
): Promise<Page> {
  const from = cursor === undefined ? undefined : parsePlace(query.scope, cursor)
  if (cursor !== undefined && from === undefined) {
    throw badCursor()
  }
  const { posts, next } = await readPosts(clients.reader, query, { from, limit, isOver })
  const newest = query.since === undefined ? posts[0] : posts.at(-1)
  return {
    ids: posts.map(([, , , id]) => id),
    cursor: next && packPlace(query.scope, next),
    newest: newest && { indexedAt: newest[0], cid: newest[1], uri: newest[2] },
  }
}

async function readRanked(
  { clients }: XrpcContext,
  { cursor, limit, feed }: PostParameters,
  query: PostQuery,
  isOver: () => boolean,
): Promise<Page> {
  const hasOwn = feed?.feed.definition.order === 'trending' && query.follows === undefined
  if (hasOwn && isPlain(query)) {
    const page = await feed.feed.page({ limit, cursor })
    const found = await Promise.all(page.posts.map((uri) => clients.findPlace(uri)))
    return {
      ids: found.flatMap((post) => (post === undefined ? [] : [post.id])),
      cursor: page.cursor,
      newest: undefined,
    }
  }
  return { ...(await clients.rankings.page(query, { cursor, limit }, isOver)), newest: undefined }
}

/** Nothing is asked for beside what the feed itself has. */
function isPlain({ filter }: PostQuery): boolean {
  return Object.values(filter).every((value) => !Array.isArray(value) || value.length === 0)
}

/** @throws RequestError 400 for a `since` that is none, 401 where a viewer is needed */
async function toQuery(
  context: XrpcContext,
  asked: PostParameters,
  viewer: string | undefined,
): Promise<PostQuery> {
  const { tags, match, feed, filter, order, untilUs, scope } = asked
  const isFollowing = order === 'following' || feed?.feed.definition.order === 'following'
  if (isFollowing && viewer === undefined) {
    throw unauthorized('AuthMissing', 'order following needs a service token')
  }
  const follows =
    isFollowing && viewer !== undefined ? await context.viewers.follows.find(viewer) : undefined
  return {
    ...{ tags, match, filter, follows, untilUs },
    filterId: feed && context.clients.filterIdOf(feed.feed.definition.rkey),
    since: await readSince(context, asked.since),
    scope: follows === undefined ? scope : `${viewer ?? ''} ${scope}`,
  }
}

async function readSince(
  { clients }: XrpcContext,
  since: string | undefined,
): Promise<Keyset | undefined> {
  if (since === undefined) {
    return undefined
  }
  if (since.startsWith('at://')) {
    const post = await clients.findPlace(since)
    if (post === undefined) {
      throw invalid('since is the at-uri of a post that is not known here')
    }
    return post.place
  }
  const us = readDatetime(since.replace(/ (?=\d\d:\d\d$)/u, '+'))
  const place = us === undefined ? parsePlace(NEWEST, since) : endOf(us)
  if (place === undefined) {
    throw invalid('since is a datetime, the at-uri of a post, or newest of an answer')
  }
  return place
}

/** Of posts in another order than that of time. */
function newestOf(posts: readonly PostView[]): Keyset | undefined {
  const [newest] = posts.toSorted((a, b) => (a.indexedAt < b.indexedAt ? 1 : -1))
  const indexedAt = newest && readDatetime(newest.indexedAt)
  return newest === undefined || indexedAt === undefined
    ? undefined
    : { indexedAt, cid: newest.cid, uri: newest.uri }
}
