import type { Author, PostCounts, PostView } from '../../appview/postView.ts'
import { countOf } from '../../texts/countOf.ts'
import { parseAtUri } from '../../texts/parseAtUri.ts'
import type { Us } from '../../time.ts'
import { html } from '../frame/html.ts'
import type { Html, Part } from '../frame/html.ts'
import { timeAgo } from './age.ts'
import { postEmbed } from './postEmbed.ts'
import { postUrl } from './postUrl.ts'
import { richText } from './richText.ts'
import type { TagUrl } from './richText.ts'
import { WITHHELD_WORDS } from './withheldWords.ts'

export interface PostArticleOptions {
  readonly view: PostView
  /** Its place in the feed; undefined for a pinned post. */
  readonly indexedUs: Us | undefined
  readonly nowUs: Us
  readonly tagUrl: TagUrl
  /** What stands below it, such as why it ranks where it does. */
  readonly note?: Part
}

/** A post as a post. */
export function postArticle({ view, indexedUs, nowUs, tagUrl, note }: PostArticleOptions): Html {
  const url = postUrl(view.uri)
  const when = indexedUs === undefined ? html`pinned` : timeAgo(indexedUs, nowUs)
  if (view.kind === 'withheld') {
    const link = view.reason === 'gone' ? when : html`<a href="${url}">${when}</a>`
    return html`<article class="post withheld">
      <p class="quiet">${WITHHELD_WORDS[view.reason]} ${link}</p>
      ${note}
    </article>`
  }
  const { author, segments, embed, counts } = view
  return html`<article class="post">
    <header>
      ${author === undefined ? unknownAuthor(view.uri) : knownAuthor(author)}
      <a class="quiet when" href="${url}">${when}</a>
    </header>
    ${
      segments.length === 0
        ? undefined
        : html`<p class="text" dir="auto">${richText(segments, tagUrl)}</p>`
    }
    ${postEmbed(embed, tagUrl)} ${counts && countsLine(counts)} ${note}
  </article>`
}

function knownAuthor({ did, handle, name, avatar }: Author): Html {
  return html`<a class="who" href="https://bsky.app/profile/${did}">
    ${
      avatar === undefined
        ? html`<span class="round" aria-hidden="true"></span>`
        : html`<img class="round" src="${avatar}" alt="" width="40" height="40" loading="lazy" />`
    }
    <span>
      <b><bdi>${name}</bdi></b>
      ${handle && html`<span class="quiet"><bdi>@${handle}</bdi></span>`}
    </span>
  </a>`
}

function unknownAuthor(uri: string): Html {
  const did = parseAtUri(uri)?.authority ?? ''
  return html`<a class="who" href="https://bsky.app/profile/${did}">
    <span class="round" aria-hidden="true"></span>
    <span class="quiet">${did}</span>
  </a>`
}

function countsLine({ replies, reposts, likes, quotes }: PostCounts): Html | undefined {
  const words = [
    [replies, countOf(replies, 'reply', 'replies')],
    [reposts, countOf(reposts, 'repost')],
    [likes, countOf(likes, 'like')],
    [quotes, countOf(quotes, 'quote')],
  ] as const
  const shown = words.filter(([count]) => count > 0)
  return shown.length === 0
    ? undefined
    : html`<p class="counts quiet">${shown.map(([, each]) => html`<span>${each}</span> `)}</p>`
}
