/** What a page shows of a post, made of what the AppView says or of the stored record. */
export type PostView = ShownPost | WithheldPost

export interface ShownPost {
  readonly kind: 'shown'
  readonly uri: string
  /** Undefined where only the record is known. */
  readonly author: Author | undefined
  readonly segments: readonly Segment[]
  readonly embed: Embed
  /** Undefined where only the record is known. */
  readonly counts: PostCounts | undefined
}

/** Its place is kept, its text and pictures are not shown. */
export interface WithheldPost {
  readonly kind: 'withheld'
  readonly uri: string
  readonly reason: WithheldReason
}

/**
 * `login`: the author wants to be seen only by those who are logged in. `adult`, `warned`: it is labelled
 * so. `gone`: the AppView does not show it to anybody. `unknown`: nobody could be asked.
 */
export type WithheldReason = 'login' | 'adult' | 'warned' | 'gone' | 'unknown'

export interface Author {
  readonly did: string
  readonly handle: string | undefined
  readonly name: string
  readonly avatar: string | undefined
}

export interface PostCounts {
  readonly likes: number
  readonly reposts: number
  readonly replies: number
  readonly quotes: number
}

/** A part of a text; `href` where a facet says so. */
export interface Segment {
  readonly text: string
  readonly target?: LinkTarget
}

export type LinkTarget =
  | { readonly kind: 'link'; readonly url: string }
  | { readonly kind: 'mention'; readonly did: string }
  | { readonly kind: 'tag'; readonly tag: string }

export interface Embed {
  readonly pictures: readonly Picture[]
  readonly video?: Picture
  readonly link?: LinkCard
  readonly quote?: Quote
}

export interface Picture {
  /** Undefined where only the record is known. */
  readonly thumb: string | undefined
  readonly alt: string
  readonly width: number | undefined
  readonly height: number | undefined
}

export interface LinkCard {
  readonly url: string
  readonly title: string
  readonly description: string
  readonly thumb: string | undefined
}

export type Quote =
  | Pick<ShownPost, 'kind' | 'uri' | 'author' | 'segments' | 'embed'>
  | Pick<WithheldPost, 'kind' | 'reason'>

export const NO_EMBED: Embed = { pictures: [] }
