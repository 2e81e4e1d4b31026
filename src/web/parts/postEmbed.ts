import type { Embed, LinkCard, Picture, Quote } from '../../appview/postView.ts'
import { html } from '../frame/html.ts'
import type { Html } from '../frame/html.ts'
import { postUrl } from './postUrl.ts'
import { richText } from './richText.ts'
import type { TagUrl } from './richText.ts'
import { WITHHELD_WORDS } from './withheldWords.ts'

const SHOWN_PICTURES = 4

/** Pictures, video, link card and quoted post of a post. */
export function postEmbed({ pictures, video, link, quote }: Embed, tagUrl: TagUrl): Html {
  return html`${pictures.length === 0 ? undefined : gallery(pictures)}
  ${video && html`<div class="pictures n1 video">${shownPicture(video, 'Video')}</div>`}
  ${link && linkCard(link)} ${quote && quotedPost(quote, tagUrl)}`
}

function gallery(pictures: readonly Picture[]): Html {
  const shown = pictures.slice(0, SHOWN_PICTURES)
  const rest = pictures.length - shown.length
  return html`<div class="pictures n${shown.length}">
      ${shown.map((picture) => shownPicture(picture, 'Picture'))}
    </div>
    ${rest > 0 ? html`<p class="quiet">and ${rest} more</p>` : undefined}`
}

function shownPicture({ thumb, alt, width, height }: Picture, what: string): Html {
  if (thumb === undefined) {
    return html`<span class="unseen"
      >${what}${alt === '' ? undefined : html`: <bdi>${alt}</bdi>`}</span
    >`
  }
  const size = width === undefined ? undefined : html`width="${width}" height="${height}"`
  return html`<img
    src="${thumb}"
    alt="${alt}"
    title="${alt}"
    ${size}
    loading="lazy"
    decoding="async"
  />`
}

function linkCard({ url, title, description, thumb }: LinkCard): Html {
  return html`<a class="link" href="${url}" rel="nofollow noopener ugc">
    ${thumb && html`<img src="${thumb}" alt="" width="96" height="96" loading="lazy" />`}
    <span
      ><b><bdi>${title || url}</bdi></b>
      ${description && html`<span class="quiet"><bdi>${description}</bdi></span>`}
      <span class="quiet">${new URL(url).hostname}</span></span
    >
  </a>`
}

function quotedPost(quote: Quote, tagUrl: TagUrl): Html {
  if (quote.kind === 'withheld') {
    return html`<p class="quote quiet">Quotes a post. ${WITHHELD_WORDS[quote.reason]}</p>`
  }
  const { uri, author, segments, embed } = quote
  return html`<blockquote class="quote" cite="${postUrl(uri)}">
    <p>
      <a href="${postUrl(uri)}"><bdi>${author?.name ?? 'A quoted post'}</bdi></a>
    </p>
    <p class="text" dir="auto">${richText(segments, tagUrl)}</p>
    ${postEmbed(embed, tagUrl)}
  </blockquote>`
}
