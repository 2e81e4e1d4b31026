import { RequestError } from '../errors.ts'
import { explainEmptyFeed } from '../feeds/explainEmptyFeed.ts'
import type { Page } from '../feeds/feed.ts'
import { rankingOf } from '../feeds/rankingDefinition.ts'
import type { RegisteredFeed } from '../feeds/registry.ts'
import { explainRanking } from '../trending/explainRanking.ts'
import type { Html } from './frame/html.ts'
import { jsonFeedDocument, rssDocument } from './pages/feedDocuments.ts'
import type { FeedItem } from './pages/feedDocuments.ts'
import { feedPage } from './pages/feedPage.ts'
import { tagPageUrl } from './pages/tagPageUrl.ts'
import { postArticle } from './parts/postArticle.ts'
import { rankingReason } from './parts/rankingReason.ts'
import type { WebContext } from './webContext.ts'

/** One call to the AppView. */
const POSTS_A_PAGE = 25
const POSTS_A_DOCUMENT = 50

/** A feed and its place among the definitions. */
interface Found {
  readonly index: number
  readonly registered: RegisteredFeed
}

/** What is at the addresses of feeds. */
export class FeedRoutes {
  readonly #context: WebContext
  readonly #places: ReadonlyMap<string, Found>

  constructor(context: WebContext) {
    this.#context = context
    const feeds = context.registry?.feeds ?? []
    this.#places = new Map(
      feeds.map((registered, index) => [registered.feed.definition.rkey, { index, registered }]),
    )
  }

  has(rkey: string): boolean {
    return this.#places.has(rkey)
  }

  /** @throws RequestError for a feed that is not there, or a cursor that is not one of it */
  async page(rkey: string, cursor: string | undefined): Promise<string> {
    const { index, registered } = this.#find(rkey)
    const { site, clock, counts, state, shownFeed } = this.#context
    const { definition } = registered.feed
    const isForEach = definition.order === 'following'
    if (cursor === undefined) {
      await counts.refresh([index])
    }
    const read = isForEach ? undefined : await registered.feed.page({ limit: POSTS_A_PAGE, cursor })
    const posts = read && (await this.#articles(registered, read))
    const isEmpty = posts?.length === 0 && cursor === undefined
    return feedPage({
      ...{ site, state: state(), feed: shownFeed(index), uri: registered.uri, posts },
      emptyReason: isEmpty ? await this.#emptyReason(index) : undefined,
      isFirst: cursor === undefined,
      cursor: read?.cursor,
      nowUs: clock(),
    })
  }

  /** @throws RequestError for a feed that is not there, or is another one for each reader */
  async document(rkey: string, kind: 'rss' | 'json'): Promise<string> {
    const { index, registered } = this.#find(rkey)
    const { definition } = registered.feed
    if (definition.order === 'following') {
      throw new RequestError(
        'NotFound',
        'This feed is made for each reader: see it in the app',
        404,
      )
    }
    const { posts, times } = await registered.feed.page({
      limit: POSTS_A_DOCUMENT,
      cursor: undefined,
    })
    const views = await this.#context.lookUp(posts)
    const items: FeedItem[] = views.map((view, at) => ({ view, indexedUs: times[at] }))
    const { picture } = this.#context.shownFeed(index)
    const { endpoint } = this.#context.site
    const document = kind === 'rss' ? rssDocument : jsonFeedDocument
    return document({ definition, endpoint, picture, items })
  }

  #find(rkey: string): Found {
    const found = this.#places.get(rkey)
    if (found === undefined) {
      throw new RequestError('NotFound', 'There is no such feed here', 404)
    }
    return found
  }

  async #articles({ feed }: RegisteredFeed, { posts, times }: Page): Promise<Html[]> {
    const { reader, lookUp, clock } = this.#context
    const ranking = rankingOf(feed.definition)
    const reasons =
      ranking === undefined || posts.length === 0
        ? undefined
        : await explainRanking(reader, ranking, posts)
    const views = await lookUp(posts)
    const nowUs = clock()
    return views.map((view, at) => {
      const reason = reasons?.get(view.uri)
      return postArticle({
        ...{ view, nowUs, indexedUs: times[at], tagUrl: tagPageUrl },
        note: reason && ranking && rankingReason(reason, ranking.options),
      })
    })
  }

  #emptyReason(index: number): Promise<string | undefined> {
    const { reader, filters, definitions, retentionDays, clock } = this.#context
    const definition = definitions[index]
    return definition === undefined
      ? Promise.resolve(undefined)
      : explainEmptyFeed(reader, {
          ...{ definition, filterId: filters.at(index), retentionDays, clock },
        })
  }
}
