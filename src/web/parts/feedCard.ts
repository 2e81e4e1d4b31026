import type { FeedDefinition } from '../../feeds/feedDefinition.ts'
import { nounOf } from '../../texts/countOf.ts'
import type { Us } from '../../time.ts'
import { html } from '../frame/html.ts'
import type { Html } from '../frame/html.ts'
import type { FeedCount } from '../sources/feedCounts.ts'
import { ageInWords, timeAgo } from './age.ts'
import { barChart } from './barChart.ts'
import { feedFace } from './feedFace.ts'
import { rulesInWords } from './rulesInWords.ts'
import type { Rule } from './rulesInWords.ts'

export interface FeedCardOptions {
  readonly definition: FeedDefinition
  readonly picture: string | undefined
  readonly count: FeedCount | undefined
  /** Where the app shows the feed. */
  readonly appUrl: string
  /** Whether anybody could have published it: without an account there is no record of it. */
  readonly isPublishable: boolean
  readonly nowUs: Us
}

const ORDER_WORDS = {
  recent: 'newest first',
  trending: 'trending',
  following: 'by whom you follow',
}
const SHOWN_TAGS = 2

const numbers = new Intl.NumberFormat('en')

/** A feed at a glance. */
export function feedCard(options: FeedCardOptions): Html {
  const { definition, picture, count, appUrl, isPublishable, nowUs } = options
  const { rkey, name, description, order } = definition
  return html`<article class="card" id="feed-${rkey}">
    <header>
      ${feedFace(rkey, name, picture)}
      <div>
        <h2>
          <a href="/feeds/${rkey}"><bdi>${name}</bdi></a>
        </h2>
        <p class="quiet">${ORDER_WORDS[order]}</p>
      </div>
    </header>
    ${description === '' ? undefined : html`<p class="about"><bdi>${description}</bdi></p>`}
    ${chips(rulesInWords(definition, SHOWN_TAGS))} ${activity(count, nowUs)}
    <p class="links">${appLink(appUrl, isPublishable)}</p>
  </article> `
}

/** To the feed in the app. */
export function appLink(url: string, isPublishable: boolean): Html {
  return isPublishable
    ? html`<a href="${url}">Open in Bluesky</a>`
    : html`<a href="${url}">In Bluesky</a> <span class="quiet">once it is published</span>`
}

export function chips(rules: readonly Rule[]): Html {
  return html`<ul class="chips" aria-label="Rules">
    ${rules.map(
      ({ words, whole }) =>
        html`<li${whole === undefined ? undefined : html` title="${whole}"`}><bdi>${words}</bdi></li>`,
    )}
  </ul>`
}

/** How much comes: chart, posts of the last hour and day, age of the newest. */
export function activity(count: FeedCount | undefined, nowUs: Us): Html {
  if (count === undefined) {
    return html`<p class="quiet">Its posts are being counted: look again in a moment.</p>`
  }
  const { lastHour, lastDay, history, newestUs } = count
  if (newestUs === undefined) {
    return html`<p class="quiet">
      No posts yet. They appear within seconds of being posted with its tags.
    </p>`
  }
  const [day, hour] = [numbers.format(lastDay), numbers.format(lastHour)]
  const title = `${day} ${nounOf(lastDay, 'post')} in the last 24 h, ${hour} in the last hour; 48 hours, one bar each`
  return html`<div class="activity">
    ${barChart(history, title)}
    <p>
      <b>${day}</b> in 24 h, <b>${hour}</b> in the last hour
      <span class="quiet">newest ${timeAgo(newestUs, nowUs)}</span>
    </p>
  </div>`
}

/** One of very many feeds: a line. */
export function feedLine({ definition, count, nowUs }: FeedCardOptions): Html {
  const { rkey, name } = definition
  const newestUs = count?.newestUs
  return html`<li id="feed-${rkey}">
    <a href="/feeds/${rkey}"><bdi>${name}</bdi></a
    >${
      newestUs === undefined
        ? undefined
        : html` ${count?.lastDay ?? 0} today, ${ageInWords(nowUs - newestUs)}`
    }
  </li>`
}
