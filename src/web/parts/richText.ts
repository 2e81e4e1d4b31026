import type { LinkTarget, Segment } from '../../appview/postView.ts'
import { Html, html } from '../frame/html.ts'

/** Where hashtags lead. */
export type TagUrl = (tag: string) => string

/** A text with its links. Nothing stands between the parts that is not in the text. */
export function richText(segments: readonly Segment[], tagUrl: TagUrl): Html {
  const parts = segments.map(({ text, target }) =>
    target === undefined
      ? html`${text}`
      : html`<a href="${addressOf(target, tagUrl)}" rel="nofollow noopener ugc">${text}</a>`,
  )
  return new Html(parts.map(({ text }) => text).join(''))
}

export function plainText(segments: readonly Segment[]): string {
  return segments.map(({ text }) => text).join('')
}

function addressOf(target: LinkTarget, tagUrl: TagUrl): string {
  switch (target.kind) {
    case 'link':
      return target.url
    case 'mention':
      return `https://bsky.app/profile/${target.did}`
    case 'tag':
      return tagUrl(target.tag)
  }
}

/** The page of the app for a tag. */
export function appTagUrl(tag: string): string {
  return `https://bsky.app/hashtag/${encodeURIComponent(tag.toWellFormed())}`
}
