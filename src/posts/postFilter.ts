/** What a post carries beside text, as a feed may ask for it. */
export const MEDIA = ['image', 'video', 'link', 'none'] as const
export type Media = (typeof MEDIA)[number]

/** The labels that authors can put on their own posts. */
export const SELF_LABELS = [
  'porn',
  'sexual',
  'nudity',
  'graphic-media',
  'bot',
  '!no-unauthenticated',
  '!hide',
  '!warn',
] as const

/** Which posts belong to a feed. An empty list is no condition. Tags are canonical (`canonicalTag`). */
export interface PostFilter {
  /** At least one of these tags; with `allTags`, at least one tag is named. */
  readonly anyTags: readonly string[]
  readonly allTags: readonly string[]
  readonly noneTags: readonly string[]
  /** The post has one of these. */
  readonly media: readonly Media[]
  /** Canonical primary subtags (`canonicalLanguage`); `und` stands for posts that name no readable language. */
  readonly languages: readonly string[]
  /** Self-labels that keep a post out. */
  readonly noneLabels: readonly string[]
  readonly onlyAuthors: readonly string[]
  readonly noneAuthors: readonly string[]
  /** Posts with more distinct canonical tags stay out. */
  readonly maxTags: number | undefined
  /** Its posts are also kept by their authors: a following feed has it. */
  readonly byAuthor?: true
}
