import type { FeedExplanation, PostReason } from '../../clients/explainPost.ts'
import type { FeedDefinition } from '../../feeds/feedDefinition.ts'
import { html } from '../frame/html.ts'
import type { Html, Part } from '../frame/html.ts'
import { pageFrame } from '../frame/pageFrame.ts'
import type { Site } from '../frame/pageFrame.ts'
import type { ServiceState } from '../frame/serviceState.ts'

export interface ExplainPageOptions {
  readonly site: Site
  readonly state: ServiceState
  /** What was asked for, as it was written. */
  readonly asked: string | undefined
  /** Why it cannot be explained. */
  readonly problem: string | undefined
  readonly explained: Explained | undefined
}

export interface Explained {
  readonly reason: PostReason
  /** A `postArticle`; undefined for a post that may not be shown. */
  readonly post: Html | undefined
  readonly feeds: readonly (FeedExplanation & { readonly definition: FeedDefinition })[]
}

const REASON_WORDS: Readonly<Record<PostReason, string>> = {
  kept: 'This service has the post.',
  hidden: 'The account of its author is not active, or was taken down: its posts are not shown.',
  reply: 'It is a reply. Feeds here are made of posts that begin a thread.',
  untagged: 'It has no hashtags that the app made a link of. Feeds here are made of hashtags.',
  tags: 'None of its hashtags is one that this service keeps.',
  maxTags: 'It has more hashtags than any app writes, and is not kept.',
  deleted: 'It was deleted.',
  retention: 'It is older than the posts that this service shows.',
  unknown: 'This service has not seen such a post: it may be older than the service, or not exist.',
}

/** Why a post is or is not in the feeds, for its author. */
export function explainPage(options: ExplainPageOptions): string {
  const { site, state, asked, problem, explained } = options
  return pageFrame({
    ...{ site, state, title: 'Why is my post not in it?', path: '/explain' },
    isHidden: asked !== undefined,
    description:
      'Paste the link of a post and see in which feeds it is, and why it is not in others.',
    main: html`<div class="reading">
      <h1>Why is my post not in it?</h1>
      <form class="search wide" action="/explain" method="get">
        <label for="post">Link of a post</label>
        <input
          id="post"
          name="post"
          value="${asked ?? ''}"
          placeholder="https://bsky.app/profile/…/post/…"
          required
          maxlength="500"
          autocapitalize="off"
          spellcheck="false"
        />
        <button type="submit">Explain</button>
      </form>
      ${problem && html`<p class="trouble warn" role="alert">${problem}</p>`}
      ${explained && answer(explained)}
    </div>`,
  })
}

function answer({ reason, post, feeds }: Explained): Part {
  const inFeeds = feeds.filter(({ isIn }) => isIn)
  const others = feeds.filter(({ isIn }) => !isIn)
  return html`<p class="lead">${REASON_WORDS[reason]}</p>
    ${post}
    ${
      inFeeds.length === 0
        ? undefined
        : html`<h2>It is in</h2>
            ${verdicts(inFeeds)}`
    }
    ${
      reason !== 'kept' || others.length === 0
        ? undefined
        : html`<h2>It is not in</h2>
            ${verdicts(others)}`
    }`
}

function verdicts(feeds: Explained['feeds']): Html {
  return html`<dl class="verdicts">
    ${feeds.map(
      ({ definition, message }) =>
        html`<dt>
            <a href="/feeds/${definition.rkey}"><bdi>${definition.name}</bdi></a>
          </dt>
          <dd>${message}</dd>`,
    )}
  </dl>`
}
