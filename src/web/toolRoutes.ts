import { RequestError } from '../errors.ts'
import { canonicalTag } from '../posts/canonicalTag.ts'
import type { TagCount } from '../tags/countTag.ts'
import type { Us } from '../time.ts'
import type { Html } from './frame/html.ts'
import { explainPage } from './pages/explainPage.ts'
import type { Explained } from './pages/explainPage.ts'
import { tagPage, tagsPage } from './pages/tagPages.ts'
import { tagPageUrl } from './pages/tagPageUrl.ts'
import { MAX_DRAFT_LENGTH, tryPage } from './pages/tryPage.ts'
import { postArticle } from './parts/postArticle.ts'
import { readDraft } from './sources/readDraft.ts'
import { createTagNeighbours } from './sources/tagNeighbours.ts'
import { createTryFilter } from './sources/tryFilter.ts'
import type { WebContext, WebTools } from './webContext.ts'

const SHOWN_TAGS = 36
const SHOWN_RISING = 24
const DAY_HOURS = 24
const WEEK_HOURS = 168
/** Of all callers together. */
const MAX_TRIALS = 4

/** The pages with which people find out: tags, explanations, trials of feeds. */
export class ToolRoutes {
  readonly #context: WebContext
  readonly #tools: WebTools
  readonly #tryFilter
  readonly #neighbours
  /** Addresses for which a trial is under way. */
  readonly #trying = new Set<string>()

  constructor(context: WebContext, tools: WebTools) {
    this.#context = context
    this.#tools = tools
    this.#tryFilter = createTryFilter(context.reader, context)
    this.#neighbours = createTagNeighbours(context.reader, context)
  }

  /** @throws RequestError for what cannot begin a tag */
  async tags(written: string | undefined): Promise<string> {
    const { site, state, clock } = this.#context
    const prefix = written === undefined ? undefined : canonicalTag(written)
    if (written !== undefined && prefix === undefined) {
      throw new RequestError('InvalidRequest', 'No tag can begin so: write letters or digits')
    }
    const query = { prefix, tags: [], hours: DAY_HOURS }
    const most = await this.#tools.tagCounts.count({ ...query, order: 'posts' })
    const rising = await this.#tools.tagCounts.count({ ...query, order: 'rising' })
    return tagsPage({
      ...{ site, state: state(), nowUs: clock(), prefix, countedUs: most.countedUs },
      most: most.tags.slice(0, SHOWN_TAGS),
      rising: rising.tags.slice(0, SHOWN_RISING),
    })
  }

  /** @throws RequestError for what is no tag */
  async tag(written: string): Promise<string> {
    const { site, state, clock, definitions } = this.#context
    const tag = canonicalTag(written)
    if (tag === undefined) {
      throw new RequestError('NotFound', 'That is not a tag', 404)
    }
    const day = await this.#countTag(tag, DAY_HOURS)
    const week = await this.#countTag(tag, WEEK_HOURS)
    const neighbours = await this.#neighbours(tag)
    return tagPage({
      ...{ site, state: state(), nowUs: clock(), tag, day, week, neighbours },
      feeds: definitions.filter(
        ({ filter }) => filter.anyTags.includes(tag) || filter.allTags.includes(tag),
      ),
      posts: await this.#articles(neighbours.posts),
    })
  }

  async explain(asked: string | undefined): Promise<string> {
    const { site, state } = this.#context
    const framed = { site, state: state(), asked }
    if (asked === undefined) {
      return explainPage({ ...framed, problem: undefined, explained: undefined })
    }
    try {
      const explained = await this.#explain(await this.#tools.readPostAddress(asked))
      return explainPage({ ...framed, problem: undefined, explained })
    } catch (error) {
      if (!(error instanceof RequestError)) {
        throw error
      }
      const problem =
        'That is not the link of a post that can be found. In the app: Share, Copy link.'
      return explainPage({ ...framed, problem, explained: undefined })
    }
  }

  /**
   * One at a time of each address: a trial is work.
   * @throws RequestError while there are too many, or for a text that is too long
   */
  async try(written: string | undefined, address: string): Promise<string> {
    const { site, state } = this.#context
    const framed = { site, state: state(), written }
    if (written === undefined) {
      return tryPage({ ...framed, draft: undefined, trial: undefined, posts: [] })
    }
    if (written.length > MAX_DRAFT_LENGTH * 2) {
      throw new RequestError('InvalidRequest', 'The definition is too long to be tried here')
    }
    const draft = readDraft(written)
    if (draft.definition === undefined) {
      return tryPage({ ...framed, draft, trial: undefined, posts: [] })
    }
    if (this.#trying.has(address) || this.#trying.size >= MAX_TRIALS) {
      const message = 'One feed at a time is tried here: wait a moment, then try again'
      throw new RequestError('RateLimitExceeded', message, 429)
    }
    this.#trying.add(address)
    try {
      const trial = await this.#tryFilter(draft.definition.filter)
      return tryPage({ ...framed, draft, trial, posts: await this.#articles(trial.posts) })
    } finally {
      this.#trying.delete(address)
    }
  }

  async #countTag(tag: string, hours: number): Promise<TagCount> {
    const query = { prefix: undefined, tags: [tag], hours, order: 'posts' } as const
    const [count] = (await this.#tools.tagCounts.count(query)).tags
    return count ?? { tag, posts: 0, authors: 0, before: 0, authorsBefore: 0, history: [] }
  }

  async #explain(uri: string): Promise<Explained> {
    const { definitions } = this.#context
    const { reason, explain } = await this.#tools.explainPost(uri)
    const feeds = []
    for (const definition of definitions) {
      feeds.push({ definition, ...(await explain(definition)) })
    }
    const [post] = reason === 'kept' ? await this.#articles([{ uri }]) : []
    return { reason, post, feeds }
  }

  async #articles(
    posts: readonly { readonly uri: string; readonly indexedAt?: Us }[],
  ): Promise<Html[]> {
    const { lookUp, clock } = this.#context
    const views = await lookUp(posts.map(({ uri }) => uri))
    const nowUs = clock()
    return views.map((view, at) =>
      postArticle({ view, nowUs, indexedUs: posts[at]?.indexedAt, tagUrl: tagPageUrl }),
    )
  }
}
