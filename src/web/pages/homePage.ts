import type { FeedDefinition } from '../../feeds/feedDefinition.ts'
import { countOf, nounOf } from '../../texts/countOf.ts'
import type { Us } from '../../time.ts'
import { html } from '../frame/html.ts'
import type { Html } from '../frame/html.ts'
import { pageFrame } from '../frame/pageFrame.ts'
import type { Site } from '../frame/pageFrame.ts'
import type { ServiceState } from '../frame/serviceState.ts'
import { feedCard, feedLine } from '../parts/feedCard.ts'
import type { FeedCount } from '../sources/feedCounts.ts'

export interface ShownFeed {
  readonly definition: FeedDefinition
  readonly picture: string | undefined
  readonly count: FeedCount | undefined
  /** Where the app shows the feed, once it is published. */
  readonly appUrl: string
  readonly isPublishable: boolean
}

export interface HomePageOptions {
  readonly site: Site
  readonly state: ServiceState
  /** Undefined when this process does not serve feeds. */
  readonly feeds: readonly ShownFeed[] | undefined
  readonly nowUs: Us
}

/** Cards take so much of the page at most; what comes after them is a line a feed. */
const MAX_CARDS_LENGTH = 45_000

const numbers = new Intl.NumberFormat('en')

/** All feeds, and whether all is well. */
export function homePage({ site, state, feeds, nowUs }: HomePageOptions): string {
  const { cards, lines } = fillPage(feeds ?? [], nowUs)
  return pageFrame({
    ...{ site, state, path: '/', title: 'tagfeed' },
    description: `Custom feeds for Bluesky: ${(feeds ?? [])
      .slice(0, 8)
      .map(({ definition }) => definition.name)
      .join(', ')}`,
    main: html`<h1>Feeds</h1>
      <p class="lead">${leadOf(state, feeds)}</p>
      <div class="cards">${cards}</div>
      ${
        lines.length === 0
          ? undefined
          : html`<h2>More feeds</h2>
              <ul class="lines">
                ${lines}
              </ul>`
      }`,
  })
}

function leadOf({ level }: ServiceState, feeds: HomePageOptions['feeds']): string {
  if (feeds === undefined) {
    return 'This process serves no feeds: it reads the stream, or ranks, for others that do.'
  }
  const hour = feeds.reduce((sum, { count }) => sum + (count?.lastHour ?? 0), 0)
  const posts = `${numbers.format(hour)} ${nounOf(hour, 'post')}`
  const has = `${countOf(feeds.length, 'feed')}, ${posts} in the last hour`
  switch (level) {
    case 'good':
      return `All is well: ${has}.`
    case 'warn':
      return `Readers are served, though something is wrong: ${has}.`
    case 'bad':
      return `Readers are served what there is: ${has}.`
  }
}

function fillPage(feeds: readonly ShownFeed[], nowUs: Us): { cards: Html[]; lines: Html[] } {
  const cards: Html[] = []
  let length = 0
  for (const feed of feeds) {
    const card = feedCard({ ...feed, nowUs })
    length += card.text.length
    if (length > MAX_CARDS_LENGTH) {
      break
    }
    cards.push(card)
  }
  const lines = feeds.slice(cards.length).map((feed) => feedLine({ ...feed, nowUs }))
  return { cards, lines }
}
