/** A feed for programs that read feeds: RSS 2.0 and JSON Feed 1.1. */
import type { PostView } from '../../appview/postView.ts'
import type { FeedDefinition } from '../../feeds/feedDefinition.ts'
import type { Us } from '../../time.ts'
import { US_PER_MS, formatUs } from '../../time.ts'
import { Html, html } from '../frame/html.ts'
import { postUrl } from '../parts/postUrl.ts'
import { appTagUrl, plainText, richText } from '../parts/richText.ts'
import { WITHHELD_WORDS } from '../parts/withheldWords.ts'

export interface FeedDocumentOptions {
  readonly definition: FeedDefinition
  /** Of the service, without a slash at the end. */
  readonly endpoint: string
  readonly picture: string | undefined
  readonly items: readonly FeedItem[]
}

export interface FeedItem {
  readonly view: PostView
  /** Undefined for a pinned post. */
  readonly indexedUs: Us | undefined
}

const TITLE_LENGTH = 80
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F\uFFFE\uFFFF]/gu

export function rssDocument({ definition, endpoint, picture, items }: FeedDocumentOptions): string {
  const { rkey, name, description } = definition
  const page = `${endpoint}/feeds/${rkey}`
  const shown = items.map((item) => {
    const { url, title, content, author } = partsOf(item)
    const { indexedUs } = item
    return html`<item>
      <title>${title}</title>
      <link>${url}</link>
      <guid isPermaLink="true">${url}</guid>
      ${indexedUs === undefined ? undefined : html`<pubDate>${new Date(indexedUs / US_PER_MS).toUTCString()}</pubDate>`}
      ${author && html`<dc:creator>${author.name}</dc:creator>`}
      <description>${content.text}</description>
    </item>`
  })
  const body = html`<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/">
    <channel>
      <title>${name}</title>
      <link>${page}</link>
      <description>${description || name}</description>
      <atom:link href="${page}.rss" rel="self" type="application/rss+xml" />
      <ttl>5</ttl>
      ${
        picture &&
        html`<image><url>${endpoint}${picture}</url><title>${name}</title><link>${page}</link></image>`
      }
      ${shown}
    </channel>
  </rss>`
  return `<?xml version="1.0" encoding="utf-8"?>\n${body.text}\n`
}

export function jsonFeedDocument(options: FeedDocumentOptions): string {
  const { definition, endpoint, picture, items } = options
  const { rkey, name, description } = definition
  const page = `${endpoint}/feeds/${rkey}`
  return JSON.stringify({
    version: 'https://jsonfeed.org/version/1.1',
    title: name,
    home_page_url: page,
    feed_url: `${page}.json`,
    ...(description !== '' && { description }),
    ...(picture && { icon: endpoint + picture }),
    items: items.map((item) => {
      const { url, title, content, text, author, image } = partsOf(item)
      return {
        ...{ id: item.view.uri, url, title },
        ...{ content_html: content.text, content_text: text },
        ...(image && { image }),
        ...(item.indexedUs !== undefined && { date_published: formatUs(item.indexedUs) }),
        ...(author && {
          authors: [
            {
              name: author.name,
              url: `https://bsky.app/profile/${author.did}`,
              ...(author.avatar && { avatar: author.avatar }),
            },
          ],
        }),
      }
    }),
  })
}

function partsOf({ view }: FeedItem) {
  const url = postUrl(view.uri)
  if (view.kind === 'withheld') {
    const words = WITHHELD_WORDS[view.reason]
    const content = html`<p>${words}</p>`
    return { url, title: 'Not shown here', content, text: words, author: undefined }
  }
  const { author, segments, embed } = view
  const text = plainText(segments).toWellFormed().replaceAll(CONTROLS, '')
  const pictures = [...embed.pictures, ...(embed.video ? [embed.video] : [])].filter(
    ({ thumb }) => thumb !== undefined,
  )
  const lines = richText(segments, appTagUrl).text.replaceAll('\n', '<br>')
  const content = new Html(
    `<p>${lines}</p>${pictures
      .map(({ thumb = '', alt }) => html`<p><img src="${thumb}" alt="${alt}" /></p>`.text)
      .join('')}${
      embed.link
        ? html`<p><a href="${embed.link.url}">${embed.link.title || embed.link.url}</a></p>`.text
        : ''
    }`,
  )
  const [firstLine = ''] = text.trim().split('\n')
  const title = shorten(firstLine) || `Post by ${author?.name ?? 'somebody'}`
  // JSON Feed wants a text: a post of pictures alone has none of its own.
  return { url, title, content, text: text || title, author, image: pictures[0]?.thumb }
}

function shorten(text: string): string {
  const characters = Array.from(text)
  return characters.length > TITLE_LENGTH
    ? `${characters.slice(0, TITLE_LENGTH - 1).join('')}…`
    : text
}
