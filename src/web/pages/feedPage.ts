import type { FeedDefinition } from '../../feeds/feedDefinition.ts'
import type { Us } from '../../time.ts'
import { html } from '../frame/html.ts'
import type { Html, Part } from '../frame/html.ts'
import { pageFrame } from '../frame/pageFrame.ts'
import type { Site } from '../frame/pageFrame.ts'
import type { ServiceState } from '../frame/serviceState.ts'
import { activity, appLink, chips } from '../parts/feedCard.ts'
import { feedFace } from '../parts/feedFace.ts'
import { rulesInWords } from '../parts/rulesInWords.ts'
import type { ShownFeed } from './homePage.ts'

export interface FeedPageOptions {
  readonly site: Site
  readonly state: ServiceState
  readonly feed: ShownFeed
  /** At-uri. */
  readonly uri: string
  /** `postArticle`s; undefined for a feed that is another one for each reader. */
  readonly posts: readonly Html[] | undefined
  /** Why there are no posts, as the end of a sentence. */
  readonly emptyReason: string | undefined
  readonly isFirst: boolean
  readonly cursor: string | undefined
  readonly nowUs: Us
}

/** The posts of a feed, what it takes, and where it is. */
export function feedPage(options: FeedPageOptions): string {
  const { site, state, feed, uri, isFirst, nowUs } = options
  const { definition, picture, count, appUrl, isPublishable } = feed
  const { rkey, name, order } = definition
  const path = `/feeds/${rkey}`
  const description = definition.description || rulesText(definition)
  const isForEach = order === 'following'
  return pageFrame({
    ...{ site, state, description, picture, path, title: name, isHidden: !isFirst },
    alternates: isForEach
      ? []
      : [
          [`${name} (RSS)`, 'application/rss+xml', `${path}.rss`],
          [`${name} (JSON Feed)`, 'application/feed+json', `${path}.json`],
        ],
    main: html`<div class="reading">
      <header class="feed">
        ${feedFace(rkey, name, picture)}
        <h1><bdi>${name}</bdi></h1>
      </header>
      ${definition.description === '' ? undefined : html`<p class="lead"><bdi>${definition.description}</bdi></p>`}
      ${chips(rulesInWords(definition))} ${isFirst ? activity(count, nowUs) : undefined}
      <p class="links">
        ${appLink(appUrl, isPublishable)}
        ${isForEach ? undefined : html`<a href="${path}.rss">RSS</a> <a href="${path}.json">JSON</a>`}
      </p>
      <h2>${isFirst ? ORDER_TITLES[order] : 'Further posts'}</h2>
      ${postList(options)} ${addresses(site, uri)}
    </div>`,
  })
}

const ORDER_TITLES = {
  recent: 'Newest posts',
  trending: 'Trending now',
  following: 'Made for each reader',
} as const

function rulesText(definition: FeedDefinition): string {
  return rulesInWords(definition)
    .map(({ words }) => words)
    .join(' · ')
}

function postList({ feed, posts, emptyReason, isFirst, cursor }: FeedPageOptions): Part {
  const path = `/feeds/${feed.definition.rkey}`
  if (posts === undefined) {
    return html`<p>
      This feed shows each reader what the people post whom they follow, as far as its rules take
      it. Open it in Bluesky to see yours.
    </p>`
  }
  if (posts.length === 0) {
    return html`<p>No posts: ${emptyReason ?? 'nothing is left here'}.</p>`
  }
  return html`<div class="posts">${posts}</div>
    <nav class="paging" aria-label="Pages of the feed">
      ${isFirst ? undefined : html`<a href="${path}">Back to the top</a>`}
      ${cursor && html`<a rel="next" href="${path}?cursor=${encodeURIComponent(cursor)}">Next page</a>`}
    </nav>`
}

/** What those want who write programs, out of the way. */
function addresses({ endpoint }: Site, uri: string): Html {
  const query = `${endpoint}/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(uri)}`
  return html`<details class="panel">
    <summary>Addresses</summary>
    <h3>The feed</h3>
    <pre tabindex="0"><code>${uri}</code></pre>
    <h3>
      What the app asks for (<a
        href="/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(uri)}"
        >see it</a
      >)
    </h3>
    <pre tabindex="0"><code>${query}</code></pre>
  </details>`
}
