import { RequestError } from '../errors.ts'
import type { ReaderTotals } from '../status/metrics.ts'
import { FeedRoutes } from './feedRoutes.ts'
import { ASSETS, FOR_EVER } from './frame/assets.ts'
import { KeptBodies } from './frame/keptBodies.ts'
import { HTML_TYPE, securityHeaders } from './frame/pageAnswer.ts'
import type { PageAnswer } from './frame/pageAnswer.ts'
import type { Site } from './frame/pageFrame.ts'
import { stateOf } from './frame/serviceState.ts'
import { homePage } from './pages/homePage.ts'
import { problemPage } from './pages/problemPage.ts'
import { statusPage } from './pages/statusPage.ts'
import { openAvatars } from './sources/avatars.ts'
import { createDatabaseSize } from './sources/databaseSize.ts'
import { FeedCounts } from './sources/feedCounts.ts'
import { StatusHistory } from './sources/statusHistory.ts'
import { ToolRoutes } from './toolRoutes.ts'
import type { WebContext } from './webContext.ts'

export type WebPagesOptions = Pick<
  WebContext,
  | 'registry'
  | 'definitions'
  | 'filters'
  | 'retentionDays'
  | 'reader'
  | 'health'
  | 'lookUp'
  | 'tools'
> & {
  readonly version: string
  readonly identity: Omit<Site, 'version' | 'pages'> & { readonly publisherDid: string }
  readonly feedsFile: string
  readonly readers: ReaderTotals
  /** Pictures may come from this machine too, by plain http. */
  readonly allowLocalNetwork: boolean
}

export interface PageRequested {
  /** As it was sent, without the query. */
  readonly path: string
  readonly search: URLSearchParams
  /** Of the caller; asked for only where it matters. */
  readonly address: () => string
}

export interface WebPages extends Disposable {
  /** The page at an address; undefined where there is none. */
  find(request: PageRequested): Promise<PageAnswer> | undefined
}

const DOCUMENT_TYPES = {
  rss: 'application/rss+xml; charset=utf-8',
  json: 'application/feed+json; charset=utf-8',
} as const
const FEEDS = ['/', 'Feeds'] as const
const TOOLS = [
  ['/tags', 'Tags'],
  ['/explain', 'Explain'],
  ['/try', 'Try'],
] as const
const STATUS = ['/status', 'Status'] as const
const RETRY_AFTER = '2'
const LOCAL_PICTURES = ['http://localhost:*', 'http://127.0.0.1:*']
const TAG_PATH = /^\/tags\/([^/]+)$/u
const FEED_PATH = /^\/feeds\/([^/]+)$/u
const DOCUMENT_NAME = /^(.+)\.(rss|json)$/u

/** All pages for people (contract, section 10). */
export async function openWebPages(options: WebPagesOptions): Promise<WebPages> {
  const context = await createContext(options)
  const { site, registry, definitions, clock, counts, avatars, state, shownFeed } = context
  const headers = securityHeaders(['https:', ...(options.allowLocalNetwork ? LOCAL_PICTURES : [])])
  const assets = new Map(ASSETS.map((asset) => [asset.path, asset]))
  const kept = new KeptBodies()
  const feeds = new FeedRoutes(context)
  const tools = context.tools && new ToolRoutes(context, context.tools)
  const databaseBytes = createDatabaseSize(context.reader)
  const { ingestStatus } = context.health
  const history = new StatusHistory({
    ...{ clock, ingestStatus, databaseBytes },
    readers: options.readers,
  })

  async function makeHome(): Promise<string> {
    await counts.refresh()
    return homePage({
      ...{ site, state: state(), nowUs: clock() },
      feeds: registry === undefined ? undefined : definitions.map((_, index) => shownFeed(index)),
    })
  }

  async function makeStatus(): Promise<string> {
    const { health } = context
    return statusPage({
      ...{ site, state: state(), health, nowUs: clock() },
      readers: options.readers,
      samples: history.samples,
      // The database may be out of reach: the page is wanted most then.
      databaseBytes: await databaseBytes().catch(() => undefined),
    })
  }

  /** What a caller has done wrong is told in the same frame. */
  async function page(key: string, make: () => Promise<string>): Promise<PageAnswer> {
    try {
      return { status: 200, type: HTML_TYPE, body: await kept.get(key, make), headers }
    } catch (error) {
      if (!(error instanceof RequestError)) {
        throw error
      }
      const { status, message } = error
      const later: Record<string, string> =
        status === 429 || status === 503 ? { 'retry-after': RETRY_AFTER } : {}
      const title = status === 404 ? 'Not found' : 'This cannot be shown'
      const text = problemPage({ site, state: state(), title, message })
      return { status, type: HTML_TYPE, body: Buffer.from(text), headers: { ...headers, ...later } }
    }
  }

  async function document(rkey: string, kind: 'rss' | 'json'): Promise<PageAnswer> {
    const body = await kept.get(`/feeds/${rkey}.${kind}`, () => feeds.document(rkey, kind))
    const open = { ...headers, 'access-control-allow-origin': '*' }
    return { status: 200, type: DOCUMENT_TYPES[kind], body, headers: open }
  }

  async function avatar(path: string): Promise<PageAnswer> {
    const picture = await avatars.find(path)
    if (picture === undefined) {
      throw new RequestError('NotFound', 'There is no such picture', 404)
    }
    const { type, body } = picture
    return { status: 200, type, body, headers: { ...headers, 'cache-control': FOR_EVER } }
  }

  function findFeed(path: string, search: URLSearchParams): Promise<PageAnswer> | undefined {
    const [, written = ''] = FEED_PATH.exec(path) ?? []
    const name = decodePath(written)
    if (name === undefined || name === '') {
      return undefined
    }
    const [, rkey = '', kind] = DOCUMENT_NAME.exec(name) ?? []
    // A record key may end so, too.
    if ((kind === 'rss' || kind === 'json') && !feeds.has(name)) {
      return document(rkey, kind)
    }
    return page(`/feeds/${name}?${search.toString()}`, async () =>
      feeds.page(name, single(search, 'cursor')),
    )
  }

  function findTool({ path, search, address }: PageRequested): Promise<PageAnswer> | undefined {
    if (tools === undefined) {
      return undefined
    }
    const [, written = ''] = TAG_PATH.exec(path) ?? []
    const tag = decodePath(written)
    if (tag !== undefined && tag !== '') {
      return page(`/tags/${tag}`, () => tools.tag(tag))
    }
    switch (path) {
      case '/tags':
        return page(`/tags?${search.get('prefix') ?? ''}`, async () =>
          tools.tags(single(search, 'prefix')?.trim() || undefined),
        )
      case '/explain':
        return page(`/explain?${search.get('post') ?? ''}`, async () =>
          tools.explain(single(search, 'post')),
        )
      case '/try': {
        const from = address()
        // Not kept for others: each trial counts for its caller.
        return page(`/try?${from}?${search.get('yaml') ?? ''}`, async () =>
          tools.try(single(search, 'yaml'), from),
        )
      }
      default:
        return undefined
    }
  }

  return {
    find(request) {
      const { path, search } = request
      const asset = assets.get(path)
      if (asset !== undefined) {
        const { type, body, cacheControl } = asset
        const fixed = { ...headers, 'cache-control': cacheControl }
        return Promise.resolve({ status: 200, type, body, headers: fixed })
      }
      if (path === '/') {
        return page('/', makeHome)
      }
      if (path === '/status') {
        return page('/status', makeStatus)
      }
      return path.startsWith('/avatars/')
        ? avatar(path)
        : (findFeed(path, search) ?? findTool(request))
    },
    [Symbol.dispose]: () => {
      counts[Symbol.dispose]()
      history[Symbol.dispose]()
    },
  }
}

async function createContext(options: WebPagesOptions): Promise<WebContext> {
  const { version, identity, feedsFile, allowLocalNetwork: _, readers: __, ...own } = options
  const { registry, definitions, filters, reader, health } = own
  const { publisherDid, serviceDid } = identity
  const { clock } = health
  const avatars = await openAvatars(feedsFile, registry === undefined ? [] : definitions)
  const counts = new FeedCounts({
    ...{ reader, clock },
    filterIds: () => (registry === undefined ? [] : filters.ids),
  })
  const isPublishable = publisherDid !== serviceDid || !publisherDid.startsWith('did:web:')
  return {
    ...own,
    ...{ clock, counts, avatars },
    site: {
      ...identity,
      version,
      pages: own.tools === undefined ? [FEEDS, STATUS] : [FEEDS, ...TOOLS, STATUS],
    },
    state: () => stateOf(health),
    shownFeed(index) {
      const definition = definitions[index]
      if (definition === undefined) {
        throw new Error(`there is no feed ${index}`)
      }
      return {
        ...{ definition, isPublishable },
        picture: avatars.pathOf(definition.rkey),
        count: counts.of(index),
        appUrl: `https://bsky.app/profile/${publisherDid}/feed/${definition.rkey}`,
      }
    },
  }
}

/** A part of a path; undefined for one that is not well written. */
function decodePath(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** @throws RequestError for a parameter that is given twice */
function single(search: URLSearchParams, name: string): string | undefined {
  const values = search.getAll(name)
  if (values.length > 1) {
    throw new RequestError('InvalidRequest', `${name} is given twice`)
  }
  return values[0] || undefined
}
