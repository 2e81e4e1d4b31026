import type { RequestHandler } from 'express'
import type { Clients } from '../clients/clients.ts'
import {
  badCursor,
  packPlace,
  packRankPlace,
  parsePlace,
  parseRankPlace,
} from '../clients/placeCursor.ts'
import type { PostQuery } from '../clients/postQuery.ts'
import type { ShownPost } from '../clients/postViews.ts'
import { readRankedPage } from '../clients/rankedPosts.ts'
import { endOf, keepMatching, readPosts } from '../clients/readPosts.ts'
import type { Keyset } from '../feeds/cursor.ts'
import { rankingOf } from '../feeds/rankingDefinition.ts'
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
    const [page, total] = await Promise.all([
      asked.order === 'trending'
        ? readRanked(clients, asked, { query, viewer, isOver })
        : readPlaces(clients, asked, { query, viewer, isOver }),
      asked.total ? clients.totals.count(query) : undefined,
    ])
    const newest = page.posts.map(({ place }) => place).reduce(laterOf, undefined)
    return {
      posts: page.posts.map(({ view }) => view),
      ...(newest && { newest: packPlace(NEWEST, newest) }),
      ...(page.cursor !== undefined && { cursor: page.cursor }),
      ...(total && { total }),
    }
  })
}

interface Reading {
  readonly query: PostQuery
  readonly viewer: string | undefined
  readonly isOver: () => boolean
}

interface Page {
  readonly posts: readonly ShownPost[]
  readonly cursor: string | undefined
}

async function readPlaces(
  clients: Clients,
  { cursor, limit }: PostParameters,
  { query, viewer, isOver }: Reading,
): Promise<Page> {
  const from = cursor === undefined ? undefined : parsePlace(query.scope, cursor)
  if (cursor !== undefined && from === undefined) {
    throw badCursor()
  }
  const { posts, next } = await readPosts(clients.reader, query, { from, limit, isOver })
  const ids = posts.map(([, , , id]) => id)
  return {
    posts: await clients.readViews(ids, viewer),
    cursor: next && packPlace(query.scope, next),
  }
}

/** The ranking of a feed that has one, otherwise one that is made for the query. */
async function readRanked(
  clients: Clients,
  { cursor, limit, feed }: PostParameters,
  { query, viewer, isOver }: Reading,
): Promise<Page> {
  const place = cursor === undefined ? undefined : parseRankPlace(query.scope, cursor)
  if (cursor !== undefined && place === undefined) {
    throw badCursor()
  }
  const own = feed && rankingOf(feed.feed.definition)
  const read = own === undefined ? clients.rankings.of(query) : clients.feedRanking(own.key)
  const { posts, next } = await readRankedPage(read, {
    ...{ place, limit, isOver },
    show: async (some) => {
      // What a ranking was made for has matched when it was made.
      const kept = own && (await keepMatching(clients.reader, query, some))
      const ids = some.map(([, , , id]) => id)
      return await clients.readViews(kept ? ids.filter((id) => kept.has(id)) : ids, viewer)
    },
  })
  return { posts, cursor: next && packRankPlace(query.scope, next) }
}

function laterOf(a: Keyset | undefined, b: Keyset): Keyset {
  const isLater =
    a === undefined ||
    b.indexedAt > a.indexedAt ||
    (b.indexedAt === a.indexedAt && (b.cid > a.cid || (b.cid === a.cid && b.uri > a.uri)))
  return isLater ? b : a
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
  const us = readDatetime(since)
  const place = us === undefined ? parsePlace(NEWEST, since) : endOf(us)
  if (place === undefined) {
    throw invalid('since is a datetime, the at-uri of a post, or newest of an answer')
  }
  return place
}
