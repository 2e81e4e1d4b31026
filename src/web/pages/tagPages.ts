import type { FeedDefinition } from '../../feeds/feedDefinition.ts'
import type { TagCount } from '../../tags/countTag.ts'
import { countOf } from '../../texts/countOf.ts'
import type { Us } from '../../time.ts'
import { html } from '../frame/html.ts'
import type { Html } from '../frame/html.ts'
import { pageFrame } from '../frame/pageFrame.ts'
import type { Site } from '../frame/pageFrame.ts'
import type { ServiceState } from '../frame/serviceState.ts'
import { timeAgo } from '../parts/age.ts'
import { barChart } from '../parts/barChart.ts'
import type { TagNeighbours } from '../sources/tagNeighbours.ts'
import { tagPageUrl } from './tagPageUrl.ts'

interface Framed {
  readonly site: Site
  readonly state: ServiceState
  readonly nowUs: Us
}

export interface TagsPageOptions extends Framed {
  readonly prefix: string | undefined
  readonly most: readonly TagCount[]
  readonly rising: readonly TagCount[]
  readonly countedUs: Us
}

const numbers = new Intl.NumberFormat('en')

/** The tags in use, and those that rise. */
export function tagsPage(options: TagsPageOptions): string {
  const { site, state, prefix, most, rising, countedUs, nowUs } = options
  return pageFrame({
    ...{ site, state, title: 'Tags', path: '/tags', isHidden: prefix !== undefined },
    description: 'Hashtags in use on Bluesky in the last 24 hours, and those that rise.',
    main: html`<h1>Tags</h1>
      <p class="lead">
        Hashtags of the last 24 hours.
        <span class="quiet">Counted ${timeAgo(countedUs, nowUs)}.</span>
      </p>
      <form class="search" action="/tags" method="get">
        <label for="prefix">Tags that begin with</label>
        <input
          id="prefix"
          name="prefix"
          value="${prefix ?? ''}"
          maxlength="64"
          autocapitalize="off"
        />
        <button type="submit">Find</button>
      </form>
      <h2>${prefix === undefined ? 'Most used' : html`Most used with <bdi>${prefix}…</bdi>`}</h2>
      ${tagList(most)}
      <h2>Rising</h2>
      ${tagList(rising)}`,
  })
}

function tagList(tags: readonly TagCount[]): Html {
  return tags.length === 0
    ? html`<p class="quiet">None in the last 24 hours.</p>`
    : html`<ul class="tags">
        ${tags.map(tagItem)}
      </ul>`
}

function tagItem(count: TagCount): Html {
  const { tag, posts, authors, history } = count
  return html`<li>
    <a href="${tagPageUrl(tag)}"><bdi>#${tag}</bdi></a>
    <span class="quiet"
      >${countOf(posts, 'post')}, ${countOf(authors, 'author')}, ${trend(count)}</span
    >
    ${barChart(history, `#${tag}: ${countOf(posts, 'post')} in 24 hours, one bar an hour`)}
  </li>`
}

/** How a tag does beside the time before. */
function trend({ posts, before }: TagCount): string {
  if (before === 0) {
    return 'new'
  }
  const change = Math.round(((posts - before) / before) * 100)
  if (Math.abs(change) < 10) {
    return 'as before'
  }
  return change > 300
    ? `${numbers.format(Math.round(posts / before))} times as many`
    : `${change > 0 ? 'up' : 'down'} ${Math.abs(change)} %`
}

export interface TagPageOptions extends Framed {
  readonly tag: string
  readonly day: TagCount
  readonly week: TagCount
  readonly neighbours: TagNeighbours
  readonly feeds: readonly FeedDefinition[]
  readonly posts: readonly Html[]
}

/** One tag: how much, beside what, in which feeds, and its newest posts. */
export function tagPage(options: TagPageOptions): string {
  const { site, state, tag, day, week, neighbours, feeds, posts } = options
  const path = tagPageUrl(tag)
  return pageFrame({
    ...{ site, state, path, title: `#${tag}` },
    description: `${countOf(day.posts, 'post')} with #${tag} in the last 24 hours.`,
    main: html`<div class="reading">
      <h1><bdi>#${tag}</bdi></h1>
      <p class="lead">
        ${countOf(day.posts, 'post')} by ${countOf(day.authors, 'author')} in the last 24 hours,
        ${trend(day)}; ${numbers.format(week.posts)} in 7 days.
      </p>
      <div class="pair">
        <figure>
          ${barChart(day.history, `${countOf(day.posts, 'post')} in 24 hours, one bar an hour`)}
          <figcaption class="quiet">24 hours</figcaption>
        </figure>
        <figure>
          ${barChart(week.history, `${countOf(week.posts, 'post')} in 7 days, one bar a day`)}
          <figcaption class="quiet">7 days</figcaption>
        </figure>
      </div>
      ${
        neighbours.beside.length === 0
          ? undefined
          : html`<h2>Beside it</h2>
              <ul class="chips">
                ${neighbours.beside.map(
                  ([other, share]) =>
                    html`<li>
                      <a href="${tagPageUrl(other)}"><bdi>#${other}</bdi></a>
                      ${Math.round(share * 100)} %
                    </li>`,
                )}
              </ul>`
      }
      <h2>Feeds that take it</h2>
      ${
        feeds.length === 0
          ? html`<p class="quiet">None here. <a href="/try">Try one</a>.</p>`
          : html`<ul class="chips">
              ${feeds.map(
                ({ rkey, name }) =>
                  html`<li>
                    <a href="/feeds/${rkey}"><bdi>${name}</bdi></a>
                  </li>`,
              )}
            </ul>`
      }
      <h2>Newest posts</h2>
      ${posts.length === 0 ? html`<p class="quiet">No posts with this tag are stored.</p>` : html`<div class="posts">${posts}</div>`}
    </div>`,
  })
}
